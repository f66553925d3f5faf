"""What a prompt gets for a row, what decides it, and what is said where it cannot be had."""

import pytest
from miniature import CARD, PROMPT, write

from sluice.catalog import WorkingTree, load
from sluice.errors import CannotJudge, InvalidFiles
from sluice.retrieval import RetrievalProblem, corpus_digest, load_corpus, retrieval_content, retriever_for
from sluice.template import TemplateProblem

RETRIEVAL = {"corpus": "pages", "query": "{{ question }}", "into": "passages", "top": 2}
PASSAGES = {"type": "array", "maxItems": 2, "items": {"type": "object", "required": ["id", "text"]}}
CORPUS = {**CARD, "split": "corpus", "inputs": {"type": "object"}, "slices": [], "cluster": None}
PAGES = [
    {"id": "p1", "text": "The red door opens north.", "topic": "doors"},
    {"id": "p2", "text": "The blue door opens south.", "topic": "doors"},
    {"id": "p3", "text": "Windows face the river.", "topic": "windows"},
]


def catalog(root, pages=PAGES, passages=PASSAGES, **retrieval):
    inputs = {"question": {"type": "string"}, "passages": passages}
    write(root, "prompts/answer.yaml", {**PROMPT, "inputs": inputs, "retrieval": {**RETRIEVAL, **retrieval}})
    write(root, "datasets/pages.yaml", {key: value for key, value in CORPUS.items() if value is not None})
    write(root, "datasets/pages.jsonl", pages)
    return load(WorkingTree(root)).require_valid()


def retriever(root, **changes):
    found = catalog(root, **changes)
    return retriever_for(found, found.prompt("answer").value)


def content(root, **changes):
    found = catalog(root, **changes)
    return retrieval_content(found, found.prompt("answer").value.retrieval)


def ids(found, question):
    return [hit.passage["id"] for hit in found.hits({"question": question})]


def test_the_best_passages_come_first_and_hold_the_mapped_fields_only(tmp_path):
    found = retriever(tmp_path)
    assert ids(found, "Where does the BLUE door open?") == ["p2", "p1"]
    assert ids(found, "river") == ["p3"]
    row = found.filled({"question": "river", "expected": "face"})
    assert row == {"question": "river", "expected": "face", "passages": [{"id": "p3", "text": PAGES[2]["text"]}]}


def test_fields_are_renamed_and_others_searched(tmp_path):
    fields = {"id": "id", "text": "text", "kind": "topic"}
    found = retriever(tmp_path, fields=fields, search=["topic"])
    assert ids(found, "windows") == ["p3"]
    assert found.hits({"question": "windows"})[0].passage["kind"] == "windows"
    assert ids(found, "river") == []


def test_rows_own_passages_give_way(tmp_path):
    row = {"question": "river", "passages": [{"id": "mine", "text": "x"}]}
    assert [one["id"] for one in retriever(tmp_path).filled(row)["passages"]] == ["p3"]


def test_a_row_value_is_never_rendered_again(tmp_path):
    assert ids(retriever(tmp_path), "{{ question }} {% raw %} river") == ["p3"]


def test_passages_that_the_input_does_not_take_are_a_problem_with_the_reason(tmp_path):
    found = retriever(tmp_path, passages={**PASSAGES, "minItems": 1})
    with pytest.raises(RetrievalProblem, match=r"0 passages retrieved from pages.*less than 1 item"):
        found.filled({"question": "nothing known"})
    strict = retriever(tmp_path, passages={**PASSAGES, "items": {"properties": {"text": {"maxLength": 3}}}})
    with pytest.raises(RetrievalProblem, match=r"1 passage retrieved.*passages\[0\]\['text'\]"):
        strict.filled({"question": "river"})


def test_a_missing_input_of_the_query_is_named(tmp_path):
    with pytest.raises(TemplateProblem, match="question"):
        retriever(tmp_path).filled({})


def test_without_retrieval_there_is_no_retriever(tmp_path):
    found = catalog(tmp_path)
    plain = found.prompt("answer").value.model_copy(update={"retrieval": None})
    assert retriever_for(found, plain) is None


@pytest.mark.parametrize("change", [{"corpus": "gone"}, {"into": "gone"}, {"passages": {"type": "no type"}}])
def test_files_that_do_not_allow_it_are_named(tmp_path, change):
    with pytest.raises(CannotJudge, match="sluice check"):
        retriever(tmp_path, **change)


def test_rows_that_cannot_be_read_are_findings(tmp_path):
    found = catalog(tmp_path)
    with (tmp_path / "datasets/pages.jsonl").open("a") as rows:
        rows.write("{broken\n")
    broken = load(WorkingTree(tmp_path))
    with pytest.raises(InvalidFiles):
        load_corpus(broken.datasets["pages"], found.prompt("answer").value.retrieval)


def edited(pages, number, **changes):
    return [{**page, **changes} if index == number else page for index, page in enumerate(pages)]


@pytest.mark.parametrize(
    "change",
    [
        {"pages": edited(PAGES, 0, text="The red door opens east.")},
        {"pages": edited(PAGES, 0, id="p9")},
        {"pages": PAGES[::-1]},
        {"pages": PAGES[:2]},
        {"query": "about {{ question }}"},
        {"top": 1},
        {"k1": 1.3},
        {"b": 0.5},
        {"search": ["text", "topic"]},
        {"fields": {"id": "id", "body": "text"}},
    ],
)
def test_what_decides_the_passages_is_in_the_content(tmp_path, change):
    assert content(tmp_path / "a") != content(tmp_path / "b", **change)


def test_what_does_not_decide_them_is_not(tmp_path):
    first = content(tmp_path / "a")
    assert content(tmp_path / "b", pages=edited(PAGES, 0, topic="gates")) == first
    assert content(tmp_path / "b", k1=1.2, b=0.75, search=["text"], fields={"text": "text", "id": "id"}) == first
    path = tmp_path / "b/datasets/pages.jsonl"
    path.write_text(path.read_text().replace('": ', '":   '))
    found = load(WorkingTree(tmp_path / "b"))
    assert retrieval_content(found, found.prompt("answer").value.retrieval) == first


def test_equal_corpora_share_one_index(tmp_path):
    base, head = (catalog(tmp_path / name) for name in "ab")
    corpora = [load_corpus(one.datasets["pages"], one.prompt("answer").value.retrieval) for one in (base, head)]
    assert corpora[0] is corpora[1]
    assert corpus_digest(base.datasets["pages"], base.prompt("answer").value.retrieval).startswith("sha256:")
