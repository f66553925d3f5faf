"""`sluice export` through the front door: what is chosen, where it goes, and what is withheld."""

import csv
import io
import sys
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from miniature import edit_prompt
from unit.interchange import runs
from unit.interchange.junit_rules import problems
from unit.report import factory

from sluice.cli.export import FORMATS
from sluice.report.json import to_json


@pytest.fixture
def judged(repository):
    """A stored judgement of two suites, one of them without a base and with a card that withholds its outputs."""
    new = factory.suite(factory.edited(5), name="new", outputs="none")
    own = replace(new.comparison, base=new.comparison.head)
    judgement = runs.judgement(outputs="artifact")
    found = replace(judgement, suites=(*judgement.suites, replace(new, comparison=own)))
    (repository / "judgement.json").write_bytes(b"".join(to_json(found)))
    return repository


def rows(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_last_eval_is_exported(repository, server, sluice):
    edit_prompt(repository, "Answer never.")
    assert sluice("eval")[0] == 1
    code, out, err = sluice("export", "junit")
    root = ElementTree.fromstring(out)
    assert (code, err, problems(root)) == (0, "", [])
    assert root.get("failures") == root.get("tests") != "0"
    code, out, _ = sluice("export", "csv", "--side", "both")
    assert {row["side"] for row in rows(out)} == {"base", "head"}


def test_a_file_is_written_whole(judged, sluice):
    assert sluice("export", "csv", "judgement.json", "--output", "cases.csv") == (0, "", "")
    assert sluice("export", "csv", "judgement.json")[1].encode() == (judged / "cases.csv").read_bytes()
    assert not list(judged.glob("*.part"))


def test_suites_and_sides_are_chosen(judged, sluice):
    found = rows(sluice("export", "csv", "judgement.json", "--suite", "new", "--side", "both")[1])
    assert {(row["suite"], row["side"]) for row in found} == {("new", "head")}
    code, out, err = sluice("export", "csv", "judgement.json", "--suite", "new", "--side", "base")
    assert code == 0 and rows(out) == [] and "have no base" in err
    code, _, err = sluice("export", "csv", "judgement.json", "--suite", "nwe")
    assert code == 2 and "'nwe'" in err and "new" in err


@pytest.mark.parametrize("kind", ["junit", "csv"])
@pytest.mark.parametrize(("options", "told"), [((), True), (("--public",), False)])
def test_cards_withhold_outputs(judged, sluice, kind, options, told):
    text = sluice("export", kind, "judgement.json", *options)[1]
    assert ("Guest login asks" in text) is told
    withheld = sluice("export", kind, "judgement.json", "--suite", "new", *options)[1]
    assert "q-0000" in withheld and "Guest login" not in withheld and "Which scopes" not in withheld


def test_what_the_file_holds_against_its_card_stays_inside(judged, sluice):
    path = judged / "judgement.json"
    path.write_text(path.read_text().replace('"outputs":"artifact"', '"outputs":"none"'))
    assert "Guest login" in path.read_text()
    assert "Guest login" not in sluice("export", "csv", "judgement.json")[1]


def test_paths_that_cannot_be_written_are_named_before_anything_is_read(judged, sluice):
    code, _, err = sluice("export", "junit", "judgement.json", "--output", "nowhere/junit.xml")
    assert code == 2 and "no directory nowhere" in err
    code, _, err = sluice("export", "junit", "judgement.json", "--output", ".")
    assert code == 2 and "is a directory" in err
    code, _, err = sluice("export", "junit")
    assert code == 2 and "run `sluice eval` first" in err


def test_every_format_explains_itself(sluice):
    text = sluice("export", "--help")[1]
    for name, one in FORMATS.items():
        assert f"\n{name} " in text
        assert one.summary.split(":")[0] in sluice("export", name, "--help")[1].replace("\n", " ")


@pytest.mark.parametrize(("kind", "package"), [("parquet", "pyarrow"), ("mlflow", "mlflow")])
def test_a_package_that_is_missing_is_named_with_its_remedy(judged, sluice, monkeypatch, kind, package):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///tracker.db")
    code, out, err = sluice("export", kind, "judgement.json")
    assert (code, out) == (4, "") and f"pip install '.[{kind}]'" in err
    assert not (judged / "tracker.db").exists()
