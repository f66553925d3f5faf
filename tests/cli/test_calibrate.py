"""A judge may block only where people agree with it: the record, the bar, and what a change of the judge does."""

import json
import re

import pytest
from judge import JUDGE, RUBRIC, halving, judged, judging, outputs_of, strict
from miniature import CARD, commit, edit_prompt, rows, write
from servers.tgi_contract import ContractError, text_of
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

COUNT = 150
LABELS = 40
CARD_OF_LABELS = {
    **CARD,
    "description": "Answers that people graded.",
    "split": "calibration",
    "judge": "grade",
    "label": "good",
    "slices": [],
    "inputs": {"type": "object", "required": ["id", "question", "rubric", "output", "good"]},
}


def labels(count=LABELS, wrong=()):
    """Answers of which every second one is good; people see it otherwise in `wrong`."""
    return [
        {
            "id": f"label-{number}",
            "question": f"Which word ends question number {number} word{number}",
            "rubric": f"Names word{number}.",
            "output": f"word{number}" if number % 2 else "no idea",
            "good": bool(number % 2) != (number in wrong),
            "page": f"page-{number}",
        }
        for number in range(count)
    ]


BLOCKING = {"correct": {"max_drop": 0.6}, "helpful": {"max_drop": 0.1}}


@pytest.fixture
def labelled(repository):
    """A repository whose judged metric is to block, with labels for its judge."""
    write(repository, "datasets/questions.jsonl", rows(COUNT))
    write(repository, "datasets/grades.yaml", CARD_OF_LABELS)
    write(repository, "datasets/grades.jsonl", labels())
    judged(repository, gates=BLOCKING)
    commit(repository)
    return repository


@pytest.fixture
def serve(tgi, monkeypatch):
    def start(grade=strict):
        server = tgi(judging(halving, grade))
        monkeypatch.setenv("SLUICE_ENDPOINT", server.url)
        return server

    return start


def record(root):
    return json.loads((root / "datasets/grades.calibration.json").read_text())


def judgement(root):
    return json.loads((root / ".sluice" / "last-judgement.json").read_bytes())


def metric(root, name="helpful"):
    [found] = [one for one in judgement(root)["verdict"]["suites"][0]["metrics"] if one["metric"] == name]
    return found


def test_figures_equal_oracles(labelled, serve, sluice):
    write(labelled, "datasets/grades.jsonl", labels(wrong=range(0, LABELS, 7)))
    serve()
    code, out, err = sluice("calibrate", "grade", "--format", "json")
    assert code == 0, out + err
    [found] = json.loads(out)
    [use] = found["uses"]
    table = use["table"]
    people = [row["good"] for row in labels(wrong=range(0, LABELS, 7))]
    seen = [(mark, bool(number % 2)) for number, mark in enumerate(people)]
    assert table == [[seen.count((theirs, ours)) for ours in (True, False)] for theirs in (True, False)]
    oracle = cohens_kappa(table)
    assert use["kappa"] == pytest.approx([oracle.kappa, oracle.kappa_low, oracle.kappa_upp], abs=1e-9)
    for name, row, index in (("sensitivity", table[0], 0), ("specificity", table[1], 1)):
        bounds = proportion_confint(row[index], sum(row), method="wilson")
        assert use[name] == pytest.approx([row[index] / sum(row), *bounds], abs=1e-9)
    assert sum(map(sum, table)) == LABELS
    assert use["bound"] <= use["kappa"][1]


def test_a_calibrated_judge_blocks(labelled, serve, sluice):
    serve()
    code, out, err = sluice("calibrate", "grade")
    assert code == 0, out + err
    assert "answer helpful: may block" in out
    commit(labelled)
    edit_prompt(labelled, "Answer.\nhalves")
    code, out, _ = sluice("eval", "--complete", "--base", "HEAD")
    assert code == 1
    assert metric(labelled)["tier"] == "block"
    assert "may only warn" not in out


def test_a_judge_without_calibration_only_warns_and_says_so(labelled, serve, sluice):
    serve()
    edit_prompt(labelled, "Answer.\nhalves")
    code, out, err = sluice("eval", "--complete", "--base", "HEAD")
    assert code == 0, out + err
    assert (metric(labelled)["tier"], metric(labelled)["word"]) == ("warn", "fail")
    said = "helpful may only warn: this judge, as it is now, was not calibrated on grades: run `sluice calibrate grade`"
    assert said in " ".join(out.replace("•", "").split())
    for style in ("markdown", "text"):
        assert "may only warn" in " ".join(sluice("report", "--format", style)[1].split())


def test_a_judge_below_the_bar_only_warns(labelled, serve, sluice):
    serve(lambda generation, output: {"pass": "7" in output, "score": 1, "reason": "sevens"})
    code, out, _ = sluice("calibrate", "grade")
    assert code == 1
    assert "answer helpful: may only warn: kappa is provably" in out
    commit(labelled)
    edit_prompt(labelled, "Answer.\nhalves")
    sluice("eval", "--complete", "--base", "HEAD")
    assert metric(labelled)["tier"] == "warn"


def test_the_bar_is_a_key_of_the_gate(labelled, serve, sluice):
    wrong = range(0, LABELS, 6)
    write(labelled, "datasets/grades.jsonl", labels(wrong=wrong))
    serve()
    assert sluice("calibrate", "grade")[0] == 1
    judged(labelled, gates={**BLOCKING, "helpful": {"max_drop": 0.1, "kappa": 0.2}})
    code, out, _ = sluice("calibrate", "grade")
    assert code == 0, out
    commit(labelled)
    edit_prompt(labelled, "Answer.\nhalves")
    assert sluice("eval", "--complete", "--base", "HEAD")[0] == 1


@pytest.mark.parametrize("change", ["judge", "rows", "threshold"])
def test_a_calibration_is_of_exactly_this_judge(labelled, serve, sluice, change):
    serve()
    sluice("calibrate", "grade")
    commit(labelled)
    edit_prompt(labelled, "Answer.\nhalves")
    if change == "judge":
        write(labelled, "prompts/grade.yaml", {**JUDGE, "parameters": {"max_tokens": 65, "temperature": 0}})
    elif change == "rows":
        write(labelled, "datasets/grades.jsonl", labels(LABELS + 2))
    else:
        judged(labelled, {**RUBRIC, "threshold": 0.0, "repeats": 1, "judge": "grade"}, gates=BLOCKING)
    code, out, err = sluice("eval", "--complete", "--base", "HEAD")
    if change == "threshold":
        assert code == 1, out + err
        return
    # Changing the ruler takes no right to block away in the same merge: the verdict is invalid, not a pass.
    assert code == 4, out + err
    assert "helpful would lose its right to block" in " ".join(out.split())


def test_calibrating_the_new_judge_in_the_same_change_lets_it_judge(labelled, serve, sluice):
    serve()
    sluice("calibrate", "grade")
    commit(labelled)
    write(labelled, "prompts/grade.yaml", {**JUDGE, "parameters": {"max_tokens": 65, "temperature": 0}})
    assert sluice("calibrate", "grade")[0] == 0
    assert len(record(labelled)["calibrations"]) == 1, "answers of a prompt that is gone are left out"
    edit_prompt(labelled, "Answer.\nhalves")
    code, out, _ = sluice("eval", "--complete", "--base", "HEAD")
    assert code == 1
    assert metric(labelled)["tier"] == "block"
    assert "the calibration of its judge grade on grades changed" in " ".join(out.split())


def test_nothing_that_was_answered_is_asked_again(labelled, serve, sluice):
    server = serve()
    first = sluice("calibrate", "grade")
    whole = record(labelled)
    [journal] = labelled.glob(".sluice/runs/grade.calibration/*/journal.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-10]) + lines[-10][:9])
    (labelled / ".sluice/cache/completions.sqlite").unlink()
    server.calls.clear()
    assert sluice("calibrate", "grade")[:2] == first[:2]
    assert len(server.generations) == 10
    assert record(labelled) == whole


def test_a_call_that_fails_is_no_answer_and_writes_nothing(labelled, serve, sluice):
    server = serve()
    inner = server.answer
    server.answer = lambda generation: (
        ContractError(422, "Input validation error: no", "validation")
        if "word7" in text_of(generation.messages[-1])
        else inner(generation)
    )
    code, _, err = sluice("calibrate", "grade")
    assert code == 4
    assert "run the command again" in err
    assert not (labelled / "datasets/grades.calibration.json").exists()


def test_unreadable_answers_are_counted_and_too_many_take_the_right_to_block(labelled, serve, sluice):
    serve(lambda generation, output: strict(generation, output) if "word1" not in output else "Fine!")
    code, out, _ = sluice("calibrate", "grade")
    assert code == 1
    assert "labelled cases got no readable answer" in out
    assert sum(answers is None for answers in record(labelled)["calibrations"][0]["answers"].values()) > 1


def test_a_judge_that_compares_is_calibrated_in_both_orders(labelled, serve, sluice):
    card = {**CARD_OF_LABELS, "judge": "referee", "label": "better"}
    card["inputs"] = {"type": "object", "required": ["id", "question", "rubric", "first", "second", "better"]}
    pairs = [
        {
            "id": f"pair-{number}",
            "question": "Which?",
            "rubric": "Longer is better.",
            "first": "a" * (1 + number % 3),
            "second": "a" * (1 + number // 3 % 3),
            "better": ("first", "second", "tie")[(number % 3 <= number // 3 % 3) + (number % 3 == number // 3 % 3)],
            "page": f"page-{number}",
        }
        for number in range(45)
    ]
    write(labelled, "datasets/grades.yaml", card)
    write(labelled, "datasets/grades.jsonl", pairs)
    judged(labelled, {"metric": "preferred", "type": "pairwise", "judge": "referee", "value": "Longer is better."})

    def longer(generation, _):
        first, second = map(len, outputs_of(generation))
        return {"winner": "tie" if first == second else "first" if first > second else "second"}

    server = serve(longer)
    code, out, err = sluice("calibrate", "referee", "--format", "json")
    assert code == 0, out + err
    # Cases with the same outputs ask the same; ties are asked once for both orders.
    assert all(asks_judge_of(one) for one in server.generations)
    [use] = json.loads(out)[0]["uses"]
    assert use["words"] == ["first", "second", "tie"]
    assert use["kappa"][0] == 1.0
    assert use["sensitivity"] is None


def asks_judge_of(call):
    return text_of(call.body["messages"][0]).startswith("You are the referee")


def test_a_judge_without_labels_is_a_usage_error_that_says_what_to_write(repository, sluice):
    judged(repository)
    code, _, err = sluice("calibrate", "grade")
    assert code == 2
    assert re.search(r"split: calibration, judge: grade and label: FIELD", err)
