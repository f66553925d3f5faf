"""JUnit XML: valid by the published schema, with each state exactly as it is."""

from xml.etree import ElementTree

import pytest
from unit.interchange import runs
from unit.interchange.junit_rules import problems

from sluice.interchange.exported import exported_runs
from sluice.interchange.junit import encode


def parsed(judgement, sides=("head",)):
    return ElementTree.fromstring(encode(exported_runs(judgement, sides)))


@pytest.mark.parametrize("make", [runs.judgement, runs.every_state, runs.repeated])
@pytest.mark.parametrize("sides", [("head",), ("base", "head")])
def test_it_follows_the_schema(make, sides):
    assert problems(parsed(make(), sides)) == []


def test_nothing_is_a_valid_document_too():
    assert problems(ElementTree.fromstring(encode([]))) == []


def test_states_are_told_apart():
    root = parsed(runs.every_state())
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert [child.tag for child in cases["q-0000"]] == ["system-out"]
    assert [child.tag for child in cases["q-0007"]] == ["failure", "system-out"]
    assert [child.tag for child in cases["q-0008"]] == ["error"]
    assert cases["q-0008"].find("error").attrib == {"type": "timeout", "message": "no answer within 30 s"}
    assert cases["q-0003"].find("skipped").get("message") == "its page is gone"
    suite = root.find("testsuite")
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "20", "failures": "1", "errors": "1", "skipped": "1",
    }  # fmt: skip


def test_a_failure_names_its_metrics_and_their_reasons():
    failure = next(parsed(runs.judgement()).iter("failure"))
    assert failure.text == "cites_source (0): no match for \\[leaderboards-000\\]"
    assert failure.get("message") == failure.text


def test_characters_that_xml_cannot_hold_become_visible():
    root = parsed(runs.every_state())
    (output,) = (case.find("system-out").text for case in root.iter("testcase") if case.get("name") == "q-0007")
    assert output == "=cmd()\\x00\\x1b[31m\\ud800\\ufffe ]]> & <b>\nline\\r"


def test_repeats_are_named_and_single_answers_are_not():
    names = [case.get("name") for case in parsed(runs.repeated()).iter("testcase")]
    assert names[:2] == ["q-0000 #1", "q-0000 #2"]
    assert next(parsed(runs.judgement()).iter("testcase")).get("name") == "q-0000"


def test_the_sides_are_suites_of_their_own():
    root = parsed(runs.judgement(), ("base", "head"))
    assert [suite.get("name") for suite in root] == ["support-answer (base)", "support-answer (head)"]
    assert {case.get("classname") for case in root.iter("testcase")} == {"support-answer.base", "support-answer.head"}
    told = {one.get("name"): one.get("value") for one in root[1].iter("property")}
    assert told["commit"] == runs.factory.HEAD_COMMIT and told["closure"].startswith("sha256:")
