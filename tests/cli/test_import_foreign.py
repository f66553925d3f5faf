"""Runs of lm-eval and inspect through the front door: shown, compared, exported, and never a verdict or evidence."""

import csv
import io
import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from miniature import commit
from outside_tools import interchange_package
from servers.tgi_contract import text_of

from sluice.evidence.keys import SECRET_VARIABLE

STORED = Path(__file__).parents[1] / "fixtures/foreign"
LM_EVAL = STORED / "lm-eval"
INSPECT = STORED / "inspect"


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    """Tables as wide as a terminal may make them."""
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def imported(repository, sluice):
    """A comparison of two stored runs of lm-eval, as `words.json`."""
    words = ("import", "lm-eval", str(LM_EVAL / "after"), "--base", str(LM_EVAL / "before"), "--output", "words.json")
    assert sluice(*words)[0] == 0
    return repository


@pytest.mark.parametrize(
    ("kind", "head", "base", "line"),
    [
        ("lm-eval", LM_EVAL / "after", LM_EVAL / "before", "exact_match.last 91.7% 75.0% −16.7"),
        ("inspect", INSPECT / "after.json", INSPECT / "before.json", "includes 85.7% 57.1% −28.6"),
    ],
)
def test_two_models_are_compared(repository, sluice, kind, head, base, line):
    code, out, err = sluice("import", kind, str(head), "--base", str(base), "--output", "found.json")
    assert (code, err) == (0, "")
    assert line in " ".join(out.split()), out
    assert "never evidence" in " ".join(out.split())
    assert sluice("report", "found.json")[1] == out
    assert sluice("compare", "words", "--file", "found.json")[0] == 0


def test_one_model_is_shown_alone(repository, sluice):
    code, out, _ = sluice("import", "inspect", str(INSPECT / "after.json"), "--output", "one.json", "--format", "json")
    assert code == 0
    (suite,) = json.loads(out)["suites"]
    assert suite["comparison"]["head"]["engine"]["engine"] == "foreign"
    assert sluice("import", "inspect", str(INSPECT / "none.eval"), "--output", "two.json")[0] == 2


def test_they_are_exported_like_our_own(imported, sluice):
    code, out, _ = sluice("export", "csv", "words.json", "--side", "both")
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert code == 0 and len(rows) == 48
    assert {row["model"] for row in rows if row["side"] == "head"} == {"after"}
    assert sum(row["value:exact_match.last"] == "1.0" for row in rows if row["side"] == "base") == 22


def test_outputs_can_be_withheld(repository, sluice):
    sluice("import", "lm-eval", str(LM_EVAL / "after"), "--output", "words.json", "--outputs", "none")
    assert "no idea" not in (repository / "words.json").read_text()


def test_the_gate_takes_no_verdict(imported, sluice):
    code, out, err = sluice("gate", "words.json")
    assert (code, out) == (4, "") and "no verdict may be taken" in err


@pytest.fixture
def adopted(repository, sluice, monkeypatch, tmp_path_factory):
    """A repository whose main lists a key, with the secret half in the environment."""
    secrets = tmp_path_factory.mktemp("secrets")
    assert sluice("evidence", "keygen", str(secrets))[0] == 0
    monkeypatch.setenv(SECRET_VARIABLE, (secrets / "evidence.pem").read_text())
    return commit(repository, "key")


def forged(path, name=None, commit=None, own=None):
    """Make a foreign comparison say that it passed, as a judgement of Sluice would, perhaps about a suite of ours."""
    value = json.loads(path.read_text())
    (suite,), (verdict,) = value["suites"], value["verdict"]["suites"]
    suite["comparison"]["invalid"] = []
    value["verdict"]["word"] = verdict["word"] = "pass"
    for side in ("base", "head") if own else ():
        value[f"{side}_commit"] = suite["comparison"][side]["commit"] = commit
        suite["comparison"][side]["closure"] = own[side]["closure"]
    if name:
        suite["name"] = suite["comparison"]["suite"] = verdict["suite"] = name
    path.write_text(json.dumps(value))


def test_the_gate_takes_none_from_a_file_that_was_edited_to_pass(imported, sluice):
    forged(imported / "words.json")
    assert sluice("gate", "words.json")[0] == 4
    assert sluice("gate", "words.json", "--self-test")[0] == 4


def test_it_never_becomes_evidence(adopted, imported, server, sluice):
    """Not even where the file claims a commit of main and the closures that Sluice itself computes there."""
    code, _, err = sluice("evidence", "record", "--judgement", "words.json")
    assert code == 4 and "evidence is about commits" in err
    words = ("--base", "HEAD", "--head", "HEAD", "--complete", "--unproven", "--output", "own.json")
    assert sluice("eval", *words)[0] == 0
    (own,) = json.loads((imported / "own.json").read_text())["suites"]
    forged(imported / "words.json", own["name"], adopted, own["comparison"])
    code, out, err = sluice("evidence", "record", "--judgement", "words.json")
    assert (code, out) == (4, "") and "only runs of Sluice are evidence" in err
    assert sluice("evidence", "record", "--judgement", "own.json")[0] == 0, "the same file of our own is evidence"


def test_a_harness_that_is_not_there_is_named_with_its_remedy(repository, server, sluice):
    words = ("--run", "words", "--model", "served", "--program", "no-such-harness", "--output", "words.json")
    code, _, err = sluice("import", "lm-eval", "results", *words)
    assert code == 4 and "lm_eval[api]" in err
    code, _, err = sluice("import", "lm-eval", "results", "--run", "words", "--output", "words.json")
    assert code == 2 and "--model" in err


def test_a_server_of_another_model_is_not_run_on(repository, server, sluice):
    path = repository / "models/served.yaml"
    path.write_text(path.read_text().replace(server.settings.model_sha, "b" * 40))
    words = ("--run", "words", "--model", "served", "--program", sys.executable, "--output", "words.json")
    code, _, err = sluice("import", "lm-eval", "results", *words)
    assert code == 4 and "revision" in err, err
    assert not (repository / "results").exists()


def test_tasks_run_against_models_of_ours_and_come_back(repository, tgi, sluice, monkeypatch):
    """The round trip for real: lm-eval asks two servers, which check what they are sent, and both runs are compared."""
    interchange_package("lm_eval")
    shutil.copytree(LM_EVAL, repository / "tasks", ignore=shutil.ignore_patterns("before", "after"))
    monkeypatch.chdir(repository / "tasks")
    program = str(Path(sys.executable).with_name("lm_eval"))
    running = ("--run", "words", "--model", "served", "--include", ".", "--program", program, "--output", "words.json")
    for side, lost, against in (("before", {2, 9}, ()), ("after", {3, 4, 5, 9, 11, 12}, ("--base", "before"))):
        server = tgi(lambda asked, lost=lost: _word(text_of(asked.messages[-1]), lost))
        monkeypatch.setenv("SLUICE_ENDPOINT", server.url)
        code, out, err = sluice("import", "lm-eval", side, *running, *against)
        assert code == 0, err
        assert server.violations == [] and len(server.generations) == 24
    assert "exact_match.last 91.7% 75.0% −16.7" in " ".join(out.split())
    assert "model served" in out and server.settings.model_id in (repository / "tasks/words.json").read_text()
    code, _, err = sluice("import", "lm-eval", "after", *running)
    assert code == 2 and "holds results already" in err


def _word(question, lost):
    number = int(re.search(r"number (\d+)", question)[1])
    if number in lost:
        return "no idea"
    return f"word{number}" if number % 2 else f"It is word{number}."
