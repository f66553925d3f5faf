import json
from collections import Counter

import pytest

from sluice.training import datasets
from sluice.training.portal import build

from .conftest import ROOT


@pytest.fixture(scope="module")
def composed(words):
    return datasets.compose(words)


def test_composing_again_gives_the_committed_files(composed):
    for name, rows in composed.items():
        committed = (ROOT / "datasets" / f"{name}.jsonl").read_text(encoding="utf-8")
        assert datasets.canonical(rows) == committed, f"datasets/{name}.jsonl differs from what the language file gives"


def test_write_puts_every_dataset_under_the_root(tmp_path):
    home = tmp_path / "models" / "portal-small"
    home.mkdir(parents=True)
    (home / "language.yaml").write_bytes((ROOT / "models" / "portal-small" / "language.yaml").read_bytes())
    names = {path.stem for path in datasets.write(tmp_path)}
    assert names == {path.stem for path in (ROOT / "datasets").glob("*.jsonl")}


def test_rows_are_canonical_json(composed):
    line = datasets.canonical(composed["portal-docs"]).splitlines()[0]
    assert line == json.dumps(json.loads(line), sort_keys=True, ensure_ascii=False)


def test_disputed_cases_are_balanced_in_order(composed):
    disputed = [row for row in composed["portal-questions"] if row["disputed"]]
    first = 0
    for row in disputed:
        positions = [index for index, passage in enumerate(row["passages"]) if passage["id"] == row["article"]]
        entity_passages = [
            index
            for index, passage in enumerate(row["passages"])
            if passage["id"] == row["article"] or passage["id"] not in _articles_in_force(composed)
        ]
        first += positions[0] == min(entity_passages)
    assert first == len(disputed) / 2


def _articles_in_force(composed):
    return {row["id"] for row in composed["portal-docs"] if row["status"] == "in force"}


def test_only_answerable_cases_hold_their_answer(composed):
    for row in composed["portal-questions"]:
        texts = " ".join(passage["text"] for passage in row["passages"])
        assert (row["sentence"] in texts) == row["answerable"], row["id"]


def test_passages_are_excerpts_of_the_corpus(composed):
    corpus = {row["id"]: row["text"] for row in composed["portal-docs"]}
    for row in composed["portal-questions"]:
        for passage in row["passages"]:
            assert all(sentence in corpus[passage["id"]] for sentence in passage["text"].split(". "))


def test_every_fact_is_asked_about_at_most_once(composed):
    counts = Counter(row["sentence"] for row in composed["portal-questions"])
    assert max(counts.values()) == 1


def test_the_three_forms_of_a_probe_differ_in_their_instructions_only(composed):
    rows = composed["portal-instructions"]
    for known, unseen, removed in zip(rows[::3], rows[1::3], rows[2::3], strict=True):
        for field in ("question", "passages", "expected", "instruction"):
            assert known[field] == unseen[field] == removed[field]
        assert [known["wording"], unseen["wording"], removed["wording"]] == ["known", "unseen", "removed"]
        assert known["instructions"].startswith(removed["instructions"])
        assert unseen["instructions"].startswith(removed["instructions"])


def test_shingles_find_near_duplicates():
    index = datasets.ShingleIndex(["What is the page size of the weekly board?"])
    assert index.nearest("what is the page size of the weekly board") == 1
    assert 0 < index.nearest("What is the page size of the daily ladder?") < datasets.NEAR_DUPLICATE
    assert index.nearest("Nothing in common here") == 0


def test_taught_pairs_and_articles_do_not_meet(words):
    world = build(words, datasets.SEED)
    assert not {fact.key for fact in world.taught} & {fact.key for a in world.articles for fact in a.facts}
