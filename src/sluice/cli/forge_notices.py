"""Annotations on the changed lines of prompts, and the one issue that tells about nights on main."""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sluice.catalog import DIRECTORIES
from sluice.cli.forge_reading import file_bytes, parse_judgement
from sluice.cli.options import repository
from sluice.cli.stored import read_judgement
from sluice.errors import CannotJudge, ExitCode
from sluice.forge import nightly as issues
from sluice.forge.answers import is_sha
from sluice.forge.check import Annotated, Annotation
from sluice.forge.event import read_environment
from sluice.forge.patches import Lines, changed_lines
from sluice.gate.judgement import Judgement, SuiteJudgement
from sluice.gate.verdict import SuiteVerdict
from sluice.report.annotations import MOST, workflow_command
from sluice.report.gates import main_figures
from sluice.report.visible import clipped, one_line

MOST_ANNOTATIONS = 100
_LEVELS: dict[str, Annotated] = {"fail": "failure", "invalid": "failure", "inconclusive": "warning"}
_COMMANDS: dict[Annotated, str] = {"failure": "error", "warning": "warning", "notice": "notice"}


def prompt_annotations(judgement: Judgement, lines: Mapping[str, Sequence[Lines]]) -> tuple[Annotation, ...]:
    """Return what each judged suite says about the changed lines (path -> runs of lines) of its prompt's file."""
    verdicts = {verdict.suite: verdict for verdict in judgement.verdict.suites}
    made = [one for suite in judgement.suites for one in _of_suite(suite, verdicts.get(suite.name), lines)]
    return tuple(made[:MOST_ANNOTATIONS])


def _of_suite(
    suite: SuiteJudgement, verdict: SuiteVerdict | None, lines: Mapping[str, Sequence[Lines]]
) -> Iterator[Annotation]:
    if verdict is None:
        return
    path = prompt_path(suite.prompt)
    title = clipped(one_line(f"{verdict.suite}: {verdict.word}"), 200)
    figures = [clipped(one_line(f"{metric.metric}: {main_figures(metric)}"), 300) for metric in verdict.metrics]
    message = "\n".join(figures) or "no metric was judged"
    level = _LEVELS.get(verdict.word, "notice")
    for start, end in lines.get(path, ()):
        yield Annotation(path, start, end, level, title, message)


def prompt_path(name: str) -> str:
    """Return the file of a prompt."""
    return f"{DIRECTORIES['prompt']}/{name}.yaml"


def annotate(arguments: argparse.Namespace) -> ExitCode:
    """Print a workflow command for each annotation of a stored judgement; the runner shows them on the change."""
    from sluice.cli.guard import command

    repo = repository(arguments)
    judgement = read_judgement(repo, arguments.file)
    lines = {path: changed_lines(_patch(repo.root, judgement, path)) for path in _prompt_paths(judgement)}
    for one in prompt_annotations(judgement, lines)[:MOST]:
        level = _COMMANDS[one.level]
        command(
            workflow_command(
                level, one.message, file=one.path, line=one.start_line, end_line=one.end_line, title=one.title
            )
        )
    return ExitCode.OK


def _prompt_paths(judgement: Judgement) -> set[str]:
    return {prompt_path(suite.prompt) for suite in judgement.suites}


def _patch(root: Path, judgement: Judgement, path: str) -> str:
    """Return the diff of one file between the two judged commits; a head without a commit is the working tree."""
    if judgement.base_commit is None:
        return ""
    sides = [judgement.base_commit, *([judgement.head_commit] if judgement.head_commit else [])]
    if not all(map(is_sha, sides)):
        raise CannotJudge("the stored judgement names no commits")
    done = subprocess.run(
        ["git", "diff", "--unified=0", "--no-ext-diff", "--no-textconv", *sides, "--", path],
        cwd=root, capture_output=True, check=False,
    )  # fmt: skip
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def nightly(arguments: argparse.Namespace) -> ExitCode:
    """Open, update or close the issue about main; print which."""
    from sluice.report.neutral import plain

    env = read_environment(os.environ)
    judgement = _night(arguments.judgement)
    word = plain(_word(judgement, arguments.failed))
    night = issues.Night(
        well=judgement is not None and judgement.verdict.exit_code == ExitCode.OK and not arguments.failed,
        title=_title(judgement, arguments.failed),
        report=_report(judgement, arguments.failed, env.run_url),
        line=f"{datetime.now(UTC):%Y-%m-%d} {word}: [run {env.run}]({env.run_url})",
    )
    outcome = issues.tell(env.client(), env.author, night)
    if outcome is None:
        print("main is well, and no issue was open")
    else:
        done = "closed" if night.well else outcome.done
        print(f"issue #{outcome.id}: {done}")
    return ExitCode.OK


def _night(path: str | None) -> Judgement | None:
    data = file_bytes(path) if path is not None else None
    return parse_judgement(data) if data is not None else None


def _word(judgement: Judgement | None, failed: Sequence[str]) -> str:
    word = judgement.verdict.word if judgement is not None else "no judgement"
    return clipped(one_line("; ".join([word, *(f"{name} failed" for name in failed)])), 200)


def _title(judgement: Judgement | None, failed: Sequence[str]) -> str:
    return f"Nightly evaluation of main: {_word(judgement, failed)}"


def _report(judgement: Judgement | None, failed: Sequence[str], run_url: str) -> str:
    from sluice.report.markdown import to_markdown
    from sluice.report.neutral import plain

    lines = [f"- {plain(name)} failed" for name in failed]
    if judgement is None:
        lines.append("- the night ended without a judgement")
    told = to_markdown(judgement, budget=50_000) if judgement is not None else ""
    return "\n".join([f"[This night's run]({run_url})", "", *lines, "", told])
