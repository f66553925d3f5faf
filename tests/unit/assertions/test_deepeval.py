import os
import subprocess
import sys

import pytest

from sluice.assertions import AssertionConfigError, AssertionProblem, Subject, compile_assertion
from sluice.assertions import deepeval as adapter
from sluice.schema import Assertion

try:
    adapter.require_deepeval()
    ABSENT = False
except AssertionConfigError:
    ABSENT = True
needs_deepeval = pytest.mark.skipif(ABSENT, reason=f"DeepEval is absent: {adapter.INSTALL}")


def compiled(name, value):
    return compile_assertion(Assertion(metric="m", type=name, value=value))


def test_importing_the_room_does_not_import_deepeval():
    code = "import sys, sluice.assertions; sys.exit('deepeval' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_absence_is_said_with_the_command_that_helps(monkeypatch):
    def missing(name):
        raise adapter.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(adapter.metadata, "version", missing)
    with pytest.raises(AssertionConfigError, match=r"pip install '\.\[deepeval\]' in this clone"):
        compiled("deepeval:ExactMatchMetric", "x")


def test_another_version_is_refused(monkeypatch):
    monkeypatch.setattr(adapter.metadata, "version", lambda name: "3.0.0")
    with pytest.raises(AssertionConfigError, match=r"3\.0\.0 is installed, 4\.3\.1 is needed"):
        compiled("deepeval:PatternMatchMetric", "x")


@needs_deepeval
def test_measuring_leaves_no_files_and_reads_no_dotenv(tmp_path):
    (tmp_path / ".env").write_text("SLUICE_TEST_SECRET=1\n")
    code = (
        "import os\n"
        "from sluice.assertions import Subject, compile_assertion\n"
        "from sluice.schema import Assertion\n"
        "a = compile_assertion(Assertion(metric='m', type='deepeval:ExactMatchMetric', value='x'))\n"
        "assert a.score(Subject('x', {})).passed and not a.score(Subject('y', {})).passed\n"
        "assert 'SLUICE_TEST_SECRET' not in os.environ\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".env"]


@needs_deepeval
def test_a_slow_pattern_is_not_handed_over(monkeypatch):
    monkeypatch.setattr(adapter, "TIME_LIMIT", 0.01)
    with pytest.raises(AssertionProblem, match="simplify"):
        compiled("deepeval:PatternMatchMetric", "^(([a-z])+.)+[A-Z]([a-z])+$").score(Subject("a" * 5000, {}))
