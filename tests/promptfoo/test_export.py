"""What is exported evaluates in the real promptfoo to what it was here, imports again, and opens in its viewer."""

import json
import socket
import subprocess
import time
import urllib.request

import pytest

from promptfoo import real
from promptfoo.test_equivalence import CONFIGS, HERE, imported, scored
from sluice.interchange.exported import ExportedRun
from sluice.interchange.promptfoo.exporting import ExportedCase, as_yaml, promptfoo_config, raw_prompt
from sluice.interchange.promptfoo.results import encode
from sluice.results import CaseInfo, RunHeader

pytestmark = pytest.mark.slow
EXPORTED = [name for name in CONFIGS if name not in ("code", "transforms")]
"""`code` has assertions of its own, which promptfoo cannot know; of `transforms` one case is an error here."""

OF_THE_CALL = {"cost", "not-cost", "finish-reason", "not-finish-reason", "latency", "not-latency"}


def first_suite(name, root):
    catalog = imported(HERE / "configs" / name / "promptfooconfig.yaml", root)
    suite = sorted(catalog.suites)[0]
    kept = [one for one in catalog.suites[suite].value.assertions if one.type not in OF_THE_CALL]
    return catalog, suite, len(kept) == len(catalog.suites[suite].value.assertions)


@pytest.mark.parametrize("name", EXPORTED)
def test_a_suite_goes_out_and_comes_back(name, tmp_path):
    catalog, suite, whole = first_suite(name, tmp_path / "first")
    value, prompt = catalog.suites[suite].value, catalog.prompts[catalog.suites[suite].value.prompt].value
    judged = [
        (row, output, result) for row, output, result in scored(catalog, suite) if output and "{{" not in str(row)
    ]
    cases = [ExportedCase(result.case, row, output) for row, output, result in judged]
    file = tmp_path / "out" / "promptfooconfig.yaml"
    file.parent.mkdir()
    file.write_text(as_yaml(promptfoo_config(suite, value, prompt, cases)), encoding="utf-8")
    answer = real.run(tmp_path, "validate", "-c", file.name, cwd=file.parent)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    theirs = {}
    for row in real.rows(real.evaluate(tmp_path, file)):
        theirs[row.id] = ("error" if row.error else "pass" if row.passed else "fail", round(row.score, 9))
    ours = {result.case: (result.state, _score(result)) for _, _, result in judged}
    if whole:
        assert theirs == ours
    again = imported(file, tmp_path / "second")
    (second,) = again.suites
    back = {result.case: (result.state, _score(result)) for _, _, result in scored(again, second)}
    assert back == theirs


def _score(result):
    return round(result.metrics["score"].value, 9) if result.metrics else 0


@pytest.fixture
def results(tmp_path):
    catalog, suite, _ = first_suite("scores", tmp_path / "first")
    judged = list(scored(catalog, suite))
    header = RunHeader(suite, "head", "sha256:0", None, {}, "plan", len(judged), ())
    told = tuple((CaseInfo(result.case, row, None, {}), result) for row, _, result in judged)
    run = ExportedRun(suite, "head", suite, "scores", "portal-small", header, told)
    file = tmp_path / "results.json"
    file.write_bytes(encode([run], {suite: raw_prompt(catalog.prompts[suite].value)}))
    return file, told


def test_a_result_file_opens_in_the_viewer(results, tmp_path):
    file, told = results
    answer = real.run(tmp_path, "import", str(file), cwd=tmp_path)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    name = json.loads(file.read_text())["evalId"]
    shown = real.run(tmp_path, "show", name, cwd=tmp_path)
    assert shown.returncode == 0 and name in shown.stdout, shown.stdout + shown.stderr
    exported = tmp_path / "exported.json"
    answer = real.run(tmp_path, "export", "eval", name, "-o", str(exported), cwd=tmp_path)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    rows = json.loads(exported.read_text())["results"]["results"]
    assert {row["metadata"]["id"]: row["success"] for row in rows} == {
        info.id: result.state == "pass" for info, result in told
    }
    listed, table = served(tmp_path, name)
    assert name in {one["evalId"] for one in listed["data"]}
    assert len(table["table"]["body"]) == len(told)


def served(home, name):
    """Ask the server of `promptfoo view` for its list of evaluations and for one of them."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = subprocess.Popen(
        ["node", str(real.PROGRAM), "view", "--no", "-p", str(port)],
        env=real.environment(home), cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return ask(port, "/api/results"), ask(port, f"/api/eval/{name}/table")
    finally:
        server.terminate()
        server.wait(20)


def ask(port, path):
    for _ in range(60):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return json.load(answer)
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"the server of promptfoo never answered {path}")
