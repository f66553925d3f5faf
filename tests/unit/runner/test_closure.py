"""What changes a closure and what does not."""

import pytest
from miniature import CARD, MODEL, PROMPT, SUITE, rows, write

from sluice.catalog import WorkingTree, load
from sluice.runner.closure import closure
from sluice.runner.engine import Engine

ENGINE = Engine("tgi", "served")


def files(root, prompt=PROMPT, suite=SUITE, card=CARD, model=MODEL, data=None):
    write(root, "prompts/answer.yaml", prompt)
    write(root, "evals/answer.yaml", suite)
    write(root, "datasets/questions.yaml", card)
    write(root, "datasets/questions.jsonl", rows(20) if data is None else data)
    write(root, "models/served.yaml", model)
    return load(WorkingTree(root)).require_valid()


def differing(tmp_path, **changes):
    before = closure(files(tmp_path / "a"), "answer", ENGINE)
    return closure(files(tmp_path / "b", **changes), "answer", changes.pop("engine", ENGINE)).differences(before)


@pytest.fixture
def suite():
    return dict(SUITE)


def test_descriptions_owners_and_gates_are_not_part_of_it(tmp_path):
    changed = {
        "prompt": {**PROMPT, "description": "Other words.", "owners": ["others"]},
        "suite": {**SUITE, "gates": {"correct": {"max_drop": 0.01}}, "description": "Other words."},
        "card": {**CARD, "source": "Elsewhere."},
        "model": {**MODEL, "price": {"gpu_hour": 9.0}},
    }
    assert differing(tmp_path, **changed) == ()


def test_row_formatting_is_not_part_of_it(tmp_path):
    first = files(tmp_path / "a")
    second = files(tmp_path / "b")
    path = tmp_path / "b" / "datasets" / "questions.jsonl"
    path.write_text(path.read_text().replace('": ', '" :   '))
    second = load(WorkingTree(tmp_path / "b")).require_valid()
    assert closure(first, "answer", ENGINE).digest == closure(second, "answer", ENGINE).digest


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"prompt": {**PROMPT, "messages": PROMPT["messages"][:1]}}, ("messages",)),
        ({"prompt": {**PROMPT, "parameters": {"max_tokens": 17}}}, ("parameters",)),
        ({"prompt": {**PROMPT, "inputs": {"question": {}}}}, ("inputs",)),
        ({"prompt": {**PROMPT, "output": {"type": "json", "schema": {"type": "object"}}}}, ("output",)),
        ({"model": {**MODEL, "source": {**MODEL["source"], "revision": "b" * 40}}}, ("weights",)),
        ({"model": {**MODEL, "context": 1024}}, ("serving",)),
        ({"model": {**MODEL, "serving": {**MODEL["serving"], "adapter": "tone"}}}, ("serving",)),
        ({"data": rows(21)}, ("rows",)),
        ({"card": {**CARD, "slices": []}}, ("grouping",)),
        ({"suite": {**SUITE, "must_pass": ["case-0001"]}}, ("must_pass",)),
        ({"suite": {**SUITE, "repeats": 2}}, ("repeats",)),
        ({"suite": {**SUITE, "assertions": [{**SUITE["assertions"][0], "weight": 2}]}}, ("assertions",)),
        (
            {"suite": {**SUITE, "assertions": [{**SUITE["assertions"][0], "type": "contains"}]}},
            ("assertions", "semantics"),
        ),
    ],
)
def test_each_part_is_named(tmp_path, changes, parts):
    assert differing(tmp_path, **changes) == parts


def test_the_engine_is_part_of_it(tmp_path):
    catalog = files(tmp_path)
    one, other = (closure(catalog, "answer", Engine(name, "served")) for name in ("tgi", "local"))
    assert other.differences(one) == ("engine",)
    assert one.model != other.model


def test_suite_code_counts_without_its_comments(tmp_path):
    write(tmp_path / "a", "evals/answer.py", "def f(output, row):\n    return True\n")
    write(tmp_path / "b", "evals/answer.py", "# why\ndef f(output, row):\n\n    return True\n")
    write(tmp_path / "c", "evals/answer.py", "def f(output, row):\n    return False\n")
    one, same, other = (closure(files(tmp_path / name), "answer", ENGINE) for name in "abc")
    assert one.digest == same.digest
    assert other.differences(one) == ("code",)


RETRIEVING = {
    **PROMPT,
    "inputs": {"question": {}, "passages": {"type": "array"}},
    "retrieval": {"corpus": "pages", "query": "{{ question }}", "into": "passages"},
}


def with_corpus(root, text="north", suite=SUITE, **article):
    write(root, "datasets/pages.yaml", {**CARD, "split": "corpus"})
    write(root, "datasets/pages.jsonl", [{"id": "p1", "text": text, **article}, {"id": "p2", "text": "south"}])
    return closure(files(root, prompt=RETRIEVING, suite=suite), "answer", ENGINE)


def test_a_suite_without_retrieval_has_no_part_of_it(tmp_path):
    """Closures of before, and with them what was judged, stay what they are."""
    assert "retrieval" not in closure(files(tmp_path), "answer", ENGINE).parts


def test_a_changed_article_is_named_and_an_unused_field_is_not(tmp_path):
    before = with_corpus(tmp_path / "a")
    assert with_corpus(tmp_path / "b", text="east").differences(before) == ("retrieval",)
    assert with_corpus(tmp_path / "c", author="someone").differences(before) == ()


def test_a_suite_that_takes_passages_from_its_rows_does_not_depend_on_the_corpus(tmp_path):
    alone = {**SUITE, "retrieve": False}
    before = with_corpus(tmp_path / "a", suite=alone)
    assert with_corpus(tmp_path / "b", suite=alone, text="east").digest == before.digest
    assert with_corpus(tmp_path / "c").differences(before) == ("retrieval",)
    assert with_corpus(tmp_path / "d", suite={**SUITE, "retrieve": True}).digest == with_corpus(tmp_path / "e").digest
