"""A prompt that retrieves, through the front door: what it is asked, what changes it, and how that is judged."""

import json
import re

import pytest
from miniature import CARD, PROMPT, SUITE, commit, miniature, rows, write
from servers.tgi_contract import Generation, text_of

COUNT = 200
PAGES = [{"id": f"page-{number}", "text": f"Question number {number} ends in word{number}."} for number in range(COUNT)]
CORPUS = {
    key: value for key, value in {**CARD, "split": "corpus"}.items() if key not in ("slices", "cluster", "inputs")
} | {"inputs": {"type": "object", "required": ["id", "text"]}}
RETRIEVAL = {"corpus": "pages", "query": "number {{ number }}", "into": "passages", "top": 3}
INPUTS = {
    "question": {"type": "string"},
    "number": {"type": "string"},
    "passages": {"type": "array", "minItems": 1, "maxItems": 3},
}
SYSTEM = (
    "Answer from the first passage.\n{% for passage in passages %}[{{ passage.id }}] {{ passage.text }}\n{% endfor %}"
)
RETRIEVING = {
    **PROMPT,
    "inputs": INPUTS,
    "retrieval": RETRIEVAL,
    "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "{{ question }}"}],
}
FOUND = '''
def finds_the_page(output: str, row: dict) -> bool:
    """Whether the first passage is the page that the case is about."""
    return row["passages"][0]["id"] == row["page"]
'''
JUDGING = {
    **SUITE,
    "assertions": [
        *SUITE["assertions"],
        {"metric": "found", "type": "python", "value": "finds_the_page"},
        {"metric": "found", "type": "not-contains", "value": "{{ passages[0].id }}"},
        {"metric": "rank", "type": "mrr", "value": "{{ page }}"},
    ],
    "gates": {**SUITE["gates"], "found": {"max_drop": 0.05}, "rank": {"max_drop": 0.05}},
}


def cases(count=COUNT, **fields):
    """Questions that do not hold their answer: it stands in one page of the corpus."""
    return [
        {**row, "question": "Which word is it?", "number": str(number), "page": f"page-{number}", **fields}
        for number, row in enumerate(rows(count))
    ]


def from_passages(generation: Generation) -> str:
    """Answer the last word of the first passage; nothing else is known."""
    first = re.search(r"^\[.*\] .* (\w+)\.$", text_of(generation.messages[0]), re.MULTILINE)
    return first[1] if first else "no idea"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A committed repository whose prompt retrieves, and a second suite whose prompt does not."""
    miniature(tmp_path, count=COUNT, prompt=RETRIEVING, suite=JUDGING)
    write(tmp_path, "datasets/questions.jsonl", cases())
    write(tmp_path, "datasets/pages.yaml", CORPUS)
    write(tmp_path, "datasets/pages.jsonl", PAGES)
    write(tmp_path, "evals/answer.py", FOUND)
    write(tmp_path, "prompts/plain.yaml", PROMPT)
    write(tmp_path, "evals/plain.yaml", {**SUITE, "prompt": "plain"})
    commit(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CI", "true")
    return tmp_path


@pytest.fixture
def server(tgi, monkeypatch):
    started = tgi(from_passages)
    monkeypatch.setenv("SLUICE_ENDPOINT", started.url)
    return started


def pairs(root):
    """The pairs of the suite that was judged last."""
    return json.loads((root / ".sluice/last-judgement.json").read_bytes())["suites"][0]["comparison"]["pairs"]


def mean_of(root, side, metric):
    values = [result["metrics"][metric]["value"] for pair in pairs(root) for result in pair[side]]
    return sum(values) / len(values)


def edit_pages(root, change):
    write(root, "datasets/pages.jsonl", [{**page, "text": change(page["text"])} for page in PAGES])


def test_the_files_are_valid(repository, sluice):
    code, out, _ = sluice("check")
    assert code == 0, out


def test_a_changed_article_affects_exactly_the_suites_that_retrieve_it(repository, server, sluice):
    changed = {**PAGES[150], "text": "Question number 150 ends in another."}
    write(repository, "datasets/pages.jsonl", [*PAGES[:150], changed, *PAGES[151:]])
    plan = json.loads(sluice("plan", "--format", "json")[1])
    assert [one["suite"] for one in plan["suites"]] == ["answer"]
    assert plan["suites"][0]["why"] == ["the passages' corpus or its search"]
    assert plan["effort"]["calls"] == COUNT + 1, "only the case that finds the article is asked on both sides"
    assert plan["unaffected"] == ["plain"]
    assert plan["edits"] == [], "the corpus is what ships, not how it is judged"


def test_an_edit_that_the_model_does_not_notice_passes(repository, server, sluice):
    edit_pages(repository, lambda text: text.replace("Question number", "The question with number"))
    code, out, err = sluice("eval", "--complete")
    assert code == 0, out + err
    assert len(server.generations) == 2 * COUNT
    assert all(result["state"] == "pass" for pair in pairs(repository) for result in pair["base"] + pair["head"])


def test_an_index_that_finds_the_wrong_articles_fails_and_says_so(repository, server, sluice):
    prompt = {**RETRIEVING, "retrieval": {**RETRIEVAL, "query": "question ends in"}}
    shown = [RETRIEVING["messages"][0], {"role": "user", "content": "{{ question }} {{ number }}"}]
    write(repository, "prompts/answer.yaml", {**prompt, "messages": shown})
    code, out, _ = sluice("eval")
    assert code == 1, out
    assert "found" in out and "the passages' corpus or its search" in " ".join(out.split())
    ranks = {side: mean_of(repository, side, "rank") for side in ("base", "head")}
    assert ranks["base"] == 1 and ranks["head"] < 0.5, "each side is scored on what it retrieved itself"


def test_fixed_passages_and_retrieval_are_judged_side_by_side(repository, server, sluice):
    """Base takes the passages from the rows; head retrieves them, and the suite says so."""
    fixed = [{"id": "page-0", "text": "Question number 0 ends in word0."}]
    write(repository, "datasets/questions.jsonl", cases(passages=fixed))
    plain = {key: value for key, value in RETRIEVING.items() if key != "retrieval"}
    # The base uses every input; what it would have searched for is shown instead.
    plain["messages"] = [RETRIEVING["messages"][0], {"role": "user", "content": "{{ question }} {{ number }}"}]
    write(repository, "prompts/answer.yaml", plain)
    commit(repository)
    write(repository, "prompts/answer.yaml", RETRIEVING)
    code, out, _ = sluice("eval")
    assert code == 3 and "[retrieval-rows]" in out
    write(repository, "evals/answer.yaml", {**JUDGING, "retrieve": True})
    code, out, err = sluice("eval", "--base", "HEAD")
    assert code == 0, out + err
    assert "repaired" in out


def test_a_suite_may_judge_the_prompt_alone(repository, server, sluice):
    write(repository, "datasets/questions.jsonl", cases(passages=[PAGES[7]]))
    write(repository, "evals/answer.yaml", {**JUDGING, "retrieve": False})
    assert sluice("check")[0] == 0
    commit(repository)
    edit_pages(repository, lambda text: "Other.")
    out = sluice("plan")[1]
    assert "not affected: answer, plain" in out
    write(repository, "prompts/answer.yaml", {**RETRIEVING, "parameters": {"max_tokens": 8}})
    sluice("eval", "--complete")
    asked = {call.body["messages"][0]["content"] for call in server.generations}
    assert asked == {"Answer from the first passage.\n[page-7] Question number 7 ends in word7."}


def test_a_query_without_an_article_is_an_error_and_no_fail(repository, server, sluice):
    broken = cases()
    broken[3]["number"] = "nowhere"
    write(repository, "datasets/questions.jsonl", broken)
    prompt = {**RETRIEVING, "retrieval": {**RETRIEVAL, "query": "{{ number }}"}}
    write(repository, "prompts/answer.yaml", prompt)
    sluice("eval", "--complete")
    pair = next(pair for pair in pairs(repository) if pair["info"]["id"] == "case-0003")
    assert pair["base"][0]["state"] == "fail", "it found an article, though not the right one"
    assert (pair["head"][0]["state"], pair["head"][0]["error_kind"]) == ("error", "data")
    assert "0 passages retrieved from pages" in pair["head"][0]["error"]
    code, _, err = sluice("render", "answer", "case-0003")
    assert (code, "0 passages retrieved from pages" in err) == (2, True)


@pytest.mark.parametrize(("corpus", "shown"), [("public", True), ("none", False)])
def test_what_the_corpus_keeps_private_is_not_shown(repository, server, sluice, corpus, shown):
    write(repository, "datasets/pages.yaml", {**CORPUS, "outputs": corpus})
    edit_pages(repository, lambda text: text.replace("word", "lost"))
    code, out, _ = sluice("eval")
    assert code == 1
    assert ("{+lost" in out) is shown


def test_render_shows_what_is_retrieved(repository, sluice):
    code, out, _ = sluice("render", "answer", "case-0007")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "[passages, retrieved from pages]"
    assert re.fullmatch(r' +\d\.\d{3}  \{"id": "page-7", "text": "Question number 7 ends in word7\."\}', lines[1])
    assert len(lines[1:4]) == 3 and "[system]\nAnswer from the first passage.\n[page-7] Question" in out
    messages = json.loads(sluice("render", "answer", "case-0007", "--format", "json")[1])
    assert [one["role"] for one in messages] == ["system", "user"]
    assert "[page-7]" in messages[0]["content"]


def test_render_with_inputs_retrieves_only_what_is_not_given(repository, sluice):
    given = {"question": "?", "number": "5"}
    assert "[page-5]" in sluice("render", "answer", "--inputs", json.dumps(given))[1]
    own = json.dumps({**given, "passages": [{"id": "mine", "text": "x"}]})
    assert "retrieved" not in sluice("render", "answer", "--inputs", own)[1]


def test_render_at_another_revision_uses_its_corpus(repository, sluice):
    edit_pages(repository, lambda text: text.replace("word", "lost"))
    assert "lost7" in sluice("render", "answer", "case-0007")[1]
    assert "word7" in sluice("render", "answer", "case-0007", "--revision", "HEAD")[1]
