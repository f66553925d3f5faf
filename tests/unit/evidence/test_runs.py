from dataclasses import replace

import pytest
from unit.evidence import made
from unit.report import factory

from sluice.digest import digest_bytes
from sluice.errors import CannotJudge
from sluice.evidence.runs import complete_head, run_statement
from sluice.evidence.statement import PREDICATE_TYPE, STATEMENT_TYPE, read, write


def statement_of(one, must_pass=()):
    return run_statement(complete_head(one, made.planned(one)), made.closure(), must_pass, made.MAKING)


def test_the_statement_says_what_ran_where_and_how_it_went():
    one = made.suite(6, lost=(1, 3), errors=())
    statement, file = statement_of(one)
    assert (statement.type_, statement.predicate_type) == (STATEMENT_TYPE, PREDICATE_TYPE)
    assert statement.about("closure") == made.closure().digest
    predicate, facts = statement.predicate, statement.facts
    assert predicate.failed_tests == ("q-0001", "q-0003")
    assert predicate.passed_tests == ("q-0000", "q-0002", "q-0004", "q-0005")
    assert {one.name: one.full for one in predicate.configuration} == dict(made.closure().parts)
    assert predicate.url == facts.where.url == "https://forge.example/runs/7"
    assert (facts.commit, facts.evaluated_at, facts.complete) == (factory.HEAD_COMMIT, "2026-11-22T12:00:00Z", True)
    assert facts.model == made.closure().model
    assert facts.servers[0].version == "3.3.4"
    assert facts.engine == {"engine": "local", "model": "portal-small", "threads": 2}
    assert (facts.results.results, facts.results.passed, facts.results.failed, facts.results.errors) == (6, 4, 2, 0)
    assert facts.run.digest.sha256 == made.hexed(digest_bytes(file))
    assert facts.run.size == len(file)
    assert read(write(statement)) == statement


@pytest.mark.parametrize(
    ("lost", "must_pass", "result"),
    [((), (), "PASSED"), ((1,), (), "WARNED"), ((1,), ("q-0001",), "FAILED"), ((1,), ("q-0002",), "WARNED")],
)
def test_a_run_fails_with_a_must_pass_case_only(lost, must_pass, result):
    assert statement_of(made.suite(200, lost=lost), must_pass)[0].predicate.result == result


def test_errors_warn():
    one = made.suite(200, errors=(4,))
    statement, _ = statement_of(one)
    assert statement.predicate.warned_tests == ("q-0004",)
    assert statement.predicate.result == "WARNED"
    assert statement.facts.results.errors == 1


def test_a_case_fails_with_any_of_its_repeats():
    one = made.suite(4)
    pairs = list(one.comparison.pairs)
    good = pairs[2].head[0]
    pairs[2] = replace(pairs[2], head=(good, replace(good, repeat=1, state="fail"), replace(good, repeat=2)))
    one = replace(one, comparison=replace(one.comparison, pairs=tuple(pairs)))
    statement, _ = statement_of(one)
    assert statement.predicate.failed_tests == ("q-0002",)
    assert statement.facts.sample_size == 4
    assert statement.facts.results.results == 6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: replace(one, comparison=replace(one.comparison, planned=13)), "only 12 of 12 cases"),
        (lambda one: replace(one, comparison=replace(one.comparison, pairs=one.comparison.pairs[1:])), "only 11 of 12"),
        (lambda one: replace(one, comparison=replace(one.comparison, invalid=("too many errors",))), "too many errors"),
    ],
)
def test_anything_but_a_complete_valid_run_is_refused(change, said):
    one = made.suite(12)
    with pytest.raises(CannotJudge, match=said):
        complete_head(change(one), made.planned(one))


def test_other_cases_than_the_dataset_has_are_refused():
    one = made.suite(12)
    with pytest.raises(CannotJudge, match="only 12 of 13"):
        complete_head(one, [*made.planned(one), "q-9999"])


@pytest.mark.parametrize("outputs", ["none", "nobody knows this word"])
def test_what_a_card_keeps_to_itself_is_not_written(outputs):
    one = made.suite(12, outputs=outputs, lost=(1,))
    whole = complete_head(one, made.planned(one))
    assert whole.outputs == "none"
    assert all(case.row == {} for case in whole.cases)
    assert all(result.output is None and result.error is None for result in whole.run.cases)
    assert {score.reason for result in whole.run.cases for score in result.metrics.values()} == {""}
    assert [result.state for result in whole.run.cases].count("fail") == 1
    assert whole.cases[0].slices == {"topic": "payments", "answerable": "true"}


@pytest.mark.parametrize("word", ["artifact", "public"])
def test_credentials_personal_data_and_masks_take_the_output_away(word):
    one = made.suite(12, outputs=word)
    leaks = {1: "the key is AKIA" + "Q3EGRTUVWXYZ2345", 2: "write to jane.doe@corp.example.org", 3: "[masked: a token]"}
    pairs = [
        replace(pair, head=(replace(pair.head[0], output=leaks[index]),)) if index in leaks else pair
        for index, pair in enumerate(one.comparison.pairs)
    ]
    one = replace(one, comparison=replace(one.comparison, pairs=tuple(pairs)))
    whole = complete_head(one, made.planned(one))
    silent = {result.case for result in whole.run.cases if result.output is None}
    assert silent >= {"q-0001", "q-0003"}
    assert whole.outputs == word
    for text in leaks.values():
        assert text not in repr([result for result in whole.run.cases if result.case in silent])
