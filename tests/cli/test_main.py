"""The front door: help, version, unknown verbs, and each exit code."""

import argparse
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from sluice import __version__
from sluice.cli import main, parser, usage
from sluice.cli.verbs import VERBS, Verb
from sluice.errors import CannotJudge, ExitCode, Finding, InvalidFiles, UsageError

SOURCE = Path(__file__).resolve().parents[2] / "src"


def sluice(*words: str, **options) -> subprocess.CompletedProcess:
    """Run the command in a process of its own, as a shell would."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-m", "sluice.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, **options)


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch):
    """Register a verb `stub` whose run is the given function."""

    def register(run) -> None:
        module = types.ModuleType("sluice.cli.stub", "A verb for tests.")
        module.add_arguments = lambda parser: parser.add_argument("--loud", action="store_true")
        module.run = run
        monkeypatch.setitem(sys.modules, "sluice.cli.stub", module)
        monkeypatch.setitem(VERBS, "stub", Verb("stub", "Stands in."))

    return register


def raiser(error: BaseException):
    def run(arguments: argparse.Namespace) -> ExitCode:
        raise error

    return run


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"]])
def test_help_goes_to_stdout_and_succeeds(words, capsys):
    assert main(words) == 0
    assert capsys.readouterr().out == usage()


def test_no_verb_prints_the_help_and_is_a_usage_error(capsys):
    assert main([]) == 2
    assert "usage: sluice VERB" in capsys.readouterr().out


def test_help_names_every_verb_with_its_summary_and_the_exit_codes():
    text = usage()
    for name, registered in VERBS.items():
        assert f"  {name} " in text and registered.summary in text
    for code in ExitCode:
        assert f"{int(code)} " in text.split("exit codes:")[1]


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_explains_itself(name, capsys):
    assert main([name, "--help"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"usage: sluice {name}")
    assert VERBS[name].summary in " ".join(printed.split())
    assert "exit codes:" in printed


@pytest.mark.parametrize("name", VERBS)
def test_every_option_has_words(name):
    silent = [
        action.option_strings
        for action in parser(name)._actions
        if action.option_strings and not action.help
    ]  # fmt: skip
    assert not silent


@pytest.mark.parametrize("words", [["--version"], ["-V"]])
def test_version(words, capsys):
    assert main(words) == 0
    assert capsys.readouterr().out == f"sluice {__version__}\n"


def test_an_unknown_verb_names_the_nearest(capsys):
    assert main(["evla"]) == 2
    printed = capsys.readouterr()
    assert "no verb 'evla'" in printed.err and "did you mean 'eval'?" in printed.err
    assert printed.out == ""


def test_an_unknown_verb_far_from_all_lists_them(capsys):
    assert main(["xyzzy"]) == 2
    printed = capsys.readouterr().err
    assert all(name in printed for name in VERBS)


def test_an_option_before_the_verb_is_told_where_it_belongs(capsys):
    assert main(["--root", "x", "check"]) == 2
    assert "no option --root before the verb; options follow it: sluice VERB --root" in capsys.readouterr().err


def test_an_unknown_option_is_a_usage_error(capsys):
    assert main(["check", "--no-such-option"]) == 2
    assert "--no-such-option" in capsys.readouterr().err


@pytest.mark.parametrize("code", ExitCode)
def test_a_verbs_exit_code_is_the_commands(code, verb):
    verb(lambda arguments: code)
    assert main(["stub"]) == int(code)


@pytest.mark.parametrize(
    ("error", "code"), [(UsageError("said so"), 2), (CannotJudge("said so"), 4), (KeyboardInterrupt(), 4)]
)
def test_an_error_is_one_line_and_a_code(error, code, verb, capsys):
    verb(raiser(error))
    assert main(["stub"]) == code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("sluice: ")
    assert "said so" in lines[0] or "goes on from there" in lines[0]


def test_every_finding_is_printed_with_its_place_and_a_count_that_is_right(verb, capsys):
    findings = [Finding("prompts/a.yaml", line, 3, "a-rule", "this", "that", "do so") for line in (1, 2, 7)]
    verb(raiser(InvalidFiles(findings)))
    assert main(["stub"]) == 3
    printed = capsys.readouterr()
    assert [line.split(": ")[0] for line in printed.out.splitlines()] == [
        "prompts/a.yaml:1:3", "prompts/a.yaml:2:3", "prompts/a.yaml:7:3",
    ]  # fmt: skip
    assert printed.err == "3 errors\n"


def test_a_bug_says_that_it_is_one(verb, capsys):
    verb(raiser(ZeroDivisionError("a slip")))
    assert main(["stub"]) == 70
    printed = capsys.readouterr().err
    assert "ZeroDivisionError: a slip" in printed
    assert "this is a bug in Sluice, not in your files" in printed.splitlines()[-1]


def test_options_reach_the_verb(verb):
    verb(lambda arguments: ExitCode.GATE_NO if arguments.loud else ExitCode.OK)
    assert main(["stub", "--loud"]) == 1


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_is_no_error(unbuffered):
    """`sluice check --rules | head -1`: nothing on stderr, no traceback while Python shuts down."""
    command = f"{sys.executable} -m sluice.cli check --rules | head -n 1"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, env=environment)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("actions", ["", "true"])
@pytest.mark.parametrize(("words", "target"), [("check --rules", "/dev/full"), ("check --rules", "&-"), ("-V", "&-")])
def test_output_that_cannot_be_written_is_one_sentence(words, target, actions, unbuffered):
    command = f"{sys.executable} -m sluice.cli {words} >{target}"
    settings = {"PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": unbuffered, "GITHUB_ACTIONS": actions}
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env={**os.environ, **settings})
    assert done.returncode == 4
    assert done.stderr.startswith("sluice: ") and done.stderr.count("\n") == 1
    assert "standard output" in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("target", ["&-", "/dev/full"])
@pytest.mark.parametrize(("words", "code"), [("evla", 2), ("check --base no-such-revision", 2)])
def test_a_standard_error_that_cannot_be_written_changes_no_exit_code(target, words, code, unbuffered):
    command = f"{sys.executable} -m sluice.cli {words} 2>{target}"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (code, "")


def test_the_module_is_the_command():
    done = sluice("--version")
    assert (done.returncode, done.stdout) == (0, f"sluice {__version__}\n")


def test_outside_a_repository_the_message_says_so(tmp_path):
    done = sluice("check", cwd=tmp_path)
    assert done.returncode == 2
    assert "not inside a Sluice repository" in done.stderr and "Traceback" not in done.stderr


def test_help_imports_no_heavy_package():
    code = "import sys; from sluice.cli import main; main(['--help']); print(sorted(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    loaded = done.stdout.splitlines()[-1]
    assert not [
        name for name in ("torch", "transformers", "pydantic", "rich", "yaml", "jinja2") if f"'{name}'" in loaded
    ]
