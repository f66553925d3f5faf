"""`sluice export mlflow` against a real MLflow on SQLite: what it holds, once, and what a failure leaves."""

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from outside_tools import interchange_package
from unit.interchange import runs
from unit.report import factory

from sluice.report.json import to_json

mlflow = interchange_package("mlflow")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def place(repository, monkeypatch):
    """A repository with a stored judgement, and no tracker named by the environment."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (repository / "judgement.json").write_bytes(b"".join(to_json(factory.failing())))
    return repository


@pytest.fixture
def uri(place):
    return f"sqlite:///{place}/tracker/mlflow.db"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A database with MLflow's tables, which take it a while to make."""
    path = tmp_path_factory.mktemp("tracker") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def export(place, uri, database, sluice):
    (place / "tracker").mkdir()
    shutil.copy(database, place / "tracker/mlflow.db")

    def run(*words):
        return sluice("export", "mlflow", "judgement.json", "--tracking-uri", uri, *words)

    return run


def found(uri, experiment="sluice"):
    client = mlflow.MlflowClient(uri)
    where = client.get_experiment_by_name(experiment)
    return client, client.search_runs([where.experiment_id]) if where else []


def test_the_change_and_its_suites_are_runs(place, uri, export):
    code, out, err = export()
    assert (code, err) == (0, "") and out.startswith("wrote run ")
    client, both = found(uri)
    nested = next(run for run in both if "mlflow.parentRunId" in run.data.tags)
    parent = next(run for run in both if run is not nested)
    assert nested.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert {run.info.status for run in both} == {"FINISHED"}
    judgement = factory.failing()
    verdict = next(one for one in judgement.verdict.suites[0].metrics if one.metric == "cites_source")
    assert nested.data.metrics["cites_source"] == pytest.approx(verdict.head)
    assert nested.data.metrics["cites_source.difference"] == pytest.approx(verdict.difference)
    assert nested.data.params["closure"] == judgement.suites[0].comparison.head.closure
    assert nested.data.params["commit"] == parent.data.params["commit"] == factory.HEAD_COMMIT
    assert (nested.data.params["model"], nested.data.params["prompt"]) == ("portal-small", "support-answer")
    assert parent.data.tags["sluice.verdict"] == nested.data.tags["sluice.verdict"] == "fail"
    report = mlflow.artifacts.download_artifacts(run_id=parent.info.run_id, artifact_path="report.md", tracking_uri=uri)
    assert "**fail**" in Path(report).read_text()
    assert [one.path for one in client.list_artifacts(nested.info.run_id)] == ["cases.csv"]
    assert not (place / "mlruns").exists()


def test_the_stored_judgement_comes_back_from_the_tracker(place, uri, export, sluice):
    """The round trip: what MLflow holds renders and exports as what was exported."""
    export()
    _, both = found(uri)
    parent = next(run for run in both if "mlflow.parentRunId" not in run.data.tags)
    back = mlflow.artifacts.download_artifacts(
        run_id=parent.info.run_id, artifact_path="judgement.json", tracking_uri=uri
    )
    shutil.copy(back, place / "back.json")
    assert sluice("report", "back.json") == sluice("report", "judgement.json")
    root = ElementTree.fromstring(sluice("export", "junit", "back.json")[1])
    assert root.get("tests") == "200"


def test_it_is_written_once(place, uri, export, sluice):
    first = export()[1].removeprefix("wrote ")
    assert export() == (0, f"is there already: {first}", "")
    assert len(found(uri)[1]) == 2
    assert export("--experiment", "other")[1].startswith("wrote")
    (place / "judgement.json").write_bytes(b"".join(to_json(factory.passing())))
    assert export()[1].startswith("wrote")
    assert len(found(uri)[1]) == 4


def test_a_failure_in_the_middle_leaves_nothing(place, uri, export):
    (place / "tracker/artifacts").write_text("in the way of the directory for artifacts")
    code, out, err = export()
    assert (code, out) == (4, "") and "could not be written to" in err
    assert found(uri)[1] == []
    (place / "tracker/artifacts").unlink()
    assert export()[0] == 0
    assert len(found(uri)[1]) == 2


def test_what_was_interrupted_is_written_anew(place, uri, export, monkeypatch):
    """As after `kill -9`: the runs are there, nobody could delete them, and the mark of completeness is missing."""
    monkeypatch.setattr(mlflow.MlflowClient, "set_tag", _unplugged)
    monkeypatch.setattr(mlflow.MlflowClient, "delete_run", _unplugged)
    assert export()[0] == 4
    monkeypatch.undo()
    monkeypatch.chdir(place)
    left = {run.info.run_id for run in found(uri)[1]}
    assert len(left) == 2
    assert export()[1].startswith("wrote")
    assert len(found(uri)[1]) == 2 and not left & {run.info.run_id for run in found(uri)[1]}


def _unplugged(*_, **__):
    raise ConnectionError("unplugged")


def test_a_tracker_that_is_down_is_said_without_its_credentials(place, sluice, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    code, _, err = sluice("export", "mlflow", "judgement.json", "--tracking-uri", "http://me:sesame@127.0.0.1:9")
    assert code == 4 and "http://127.0.0.1:9" in err and "sesame" not in err


def test_a_database_that_cannot_be_opened_is_said(place, sluice):
    code, _, err = sluice("export", "mlflow", "judgement.json", "--tracking-uri", "sqlite:///judgement.json/mlflow.db")
    assert code == 4 and "sqlite:///judgement.json/mlflow.db" in err


def test_a_new_database_is_made_in_silence(place, uri, sluice):
    code, out, err = sluice("export", "mlflow", "judgement.json", "--tracking-uri", uri)
    assert (code, err) == (0, "") and out.startswith("wrote run ")


def test_withheld_outputs_reach_no_tracker(place, uri, export):
    judgement = runs.judgement(outputs="none")
    (place / "judgement.json").write_bytes(b"".join(to_json(judgement)))
    assert export()[0] == 0
    texts = [path.read_bytes() for path in (place / "tracker").rglob("*") if path.is_file()]
    assert len(texts) >= 4 and not any(b"Guest login asks" in text for text in texts)


def test_a_tracker_must_be_named(place, sluice):
    code, _, err = sluice("export", "mlflow", "judgement.json")
    assert code == 2 and "--tracking-uri" in err


def test_telemetry_is_off_before_the_library_loads(place, uri, export, monkeypatch):
    for name in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        monkeypatch.delenv(name, raising=False)
    export()
    from mlflow.telemetry.utils import is_telemetry_disabled

    assert is_telemetry_disabled()
