"""What a change affects, and what must be said first or accepted."""

from miniature import CARD, MODEL, PROMPT, SUITE, rows, write

from sluice.catalog import WorkingTree, load
from sluice.gate.changes import find_changes, mixed

SERVED = {"SLUICE_ENDPOINT": "http://127.0.0.1:9"}


def files(root, **changes):
    given = {
        "prompts/answer.yaml": PROMPT, "evals/answer.yaml": SUITE, "datasets/questions.yaml": CARD,
        "datasets/questions.jsonl": rows(8), "models/served.yaml": MODEL,
    }  # fmt: skip
    for path, content in {**given, **changes}.items():
        if content is not None:
            write(root, path, content)
    return load(WorkingTree(root)).require_valid()


def change(tmp_path, monkeypatch, selected=(), **changes):
    monkeypatch.setenv("SLUICE_ENDPOINT", SERVED["SLUICE_ENDPOINT"])
    return find_changes(files(tmp_path / "base"), files(tmp_path / "head", **changes), selected)


def test_nothing(tmp_path, monkeypatch):
    found = change(tmp_path, monkeypatch)
    assert (found.affected, found.unaffected, found.edits, found.problems) == ((), ("answer",), (), ())


def test_a_prompt_edit_affects_its_suites_and_is_no_policy_edit(tmp_path, monkeypatch):
    found = change(tmp_path, monkeypatch, **{"prompts/answer.yaml": {**PROMPT, "parameters": {"max_tokens": 3}}})
    assert [one.name for one in found.affected] == ["answer"]
    assert found.affected[0].why == ("the sampling parameters",)
    assert not found.affected[0].judged_anew
    assert found.edits == ()


def test_gate_edits_are_told_and_run_nothing(tmp_path, monkeypatch):
    found = change(tmp_path, monkeypatch, **{"evals/answer.yaml": {**SUITE, "gates": {"correct": {"max_drop": 0.5}}}})
    assert found.affected == ()
    assert "judged by the gates of the base" in found.edits[0]


def test_row_edits_are_judged_anew_and_told(tmp_path, monkeypatch):
    found = change(tmp_path, monkeypatch, **{"datasets/questions.jsonl": rows(9)})
    assert found.affected[0].judged_anew
    assert "the dataset's rows changed" in found.edits[0]


def test_a_removed_suite_and_an_unguarded_prompt_must_be_accepted(tmp_path, monkeypatch):
    found = change(tmp_path, monkeypatch, **{"evals/answer.yaml": None})
    assert any("removed or renamed" in problem for problem in found.problems)
    assert any("lost its last blocking suite" in problem for problem in found.problems)


def test_a_suite_that_judges_another_prompt_must_be_accepted(tmp_path, monkeypatch):
    found = change(
        tmp_path, monkeypatch, **{"prompts/other.yaml": PROMPT, "evals/answer.yaml": {**SUITE, "prompt": "other"}}
    )
    assert any("judges another prompt" in problem for problem in found.problems)


def test_a_new_suite_has_no_base(tmp_path, monkeypatch):
    found = change(tmp_path, monkeypatch, **{"evals/second.yaml": SUITE})
    assert [(one.name, one.base) for one in found.affected] == [("second", None)]


def test_only_the_selected_suites(tmp_path, monkeypatch):
    found = change(
        tmp_path, monkeypatch, ["answer"],
        **{"evals/second.yaml": SUITE, "prompts/answer.yaml": {**PROMPT, "parameters": {"max_tokens": 3}}},
    )  # fmt: skip
    assert [one.name for one in found.affected] == ["answer"]


RETRIEVING = {
    **PROMPT,
    "inputs": {"question": {}, "passages": {"type": "array"}},
    "retrieval": {"corpus": "pages", "query": "{{ question }}", "into": "passages"},
}


def test_head_says_whether_the_base_retrieves_too(tmp_path, monkeypatch):
    monkeypatch.setenv("SLUICE_ENDPOINT", SERVED["SLUICE_ENDPOINT"])
    common = {
        "prompts/answer.yaml": RETRIEVING, "datasets/pages.yaml": {**CARD, "split": "corpus"},
        "datasets/pages.jsonl": [{"id": "p1", "text": "north"}],
    }  # fmt: skip
    retrieving = files(tmp_path / "a", **common)
    alone = files(tmp_path / "b", **common, **{"evals/answer.yaml": {**SUITE, "retrieve": False}})
    for base, head, retrieves in ((retrieving, alone, False), (alone, retrieving, True)):
        (affected,) = find_changes(base, head, []).affected
        assert affected.differences == ("retrieval",)
        under = mixed(base, affected.base_engine, head, affected.head)
        assert ("retrieval" in under.parts) is retrieves
        assert under.digest == affected.head.digest, "the same prompt under the same cases"
