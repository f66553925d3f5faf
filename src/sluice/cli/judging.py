"""What `eval` and `compare` share: checking both sides, running with progress, keeping and showing the judgement."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Collection
from itertools import chain
from pathlib import Path

from sluice.catalog import KEYS_DIRECTORY, Catalog, Tree
from sluice.checks import check
from sluice.cli.options import Repository, count, quiet, sides, suite_names
from sluice.cli.progress import BarWatcher, LineWatcher
from sluice.cli.serving import add_serving_options, servers_of
from sluice.cli.writing import refuse_unwritable, write_whole
from sluice.errors import CannotJudge, InvalidFiles, UsageError
from sluice.gate.changes import Change, find_changes
from sluice.gate.judge import judge
from sluice.gate.judgement import Judgement
from sluice.gate.setting import Connect
from sluice.report.json import to_json


def add_judging_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a run."""
    parser.add_argument("--complete", action="store_true", help="ask every case, even where an early look decides")
    parser.add_argument(
        "--stored", action="store_true", help="call no model: judge what runs have stored (sluice merge)"
    )
    parser.add_argument("--retry-errors", action="store_true", help="ask the errors of the stored run again, all kinds")
    parser.add_argument(
        "--no-evidence",
        action="store_true",
        help="neither reuse signed runs nor heed acceptances (what this clone was answered is still known)",
    )
    parser.add_argument(
        "--unproven", action="store_true", help="judge suites too that did not change but have no run evidence yet"
    )
    parser.add_argument("--cases", type=count, default=3, metavar="N", help="show N of the worst cases (default: 3)")
    add_serving_options(parser, flag=True)
    parser.add_argument("--output", metavar="FILE", help="write the judgement as JSON to FILE too")


def judge_change(repo: Repository, arguments: argparse.Namespace) -> Judgement:
    """Check the head, find what changed and judge it."""
    output = Path(arguments.output) if arguments.output else None
    if output is not None:
        refuse_unwritable(output)
    if arguments.stored and arguments.retry_errors:
        raise UsageError("--stored calls no model, and --retry-errors asks one: choose")
    base, head = checked_sides(repo, arguments)
    with servers_of(arguments) as connect:
        return _judged_from(connect, repo, base, head, arguments)


def checked_sides(repo: Repository, arguments: argparse.Namespace) -> tuple[Catalog | None, Catalog]:
    """Return both sides; raise InvalidFiles for a head that is not valid, CannotJudge where nothing can be judged."""
    base, head = sides(repo, arguments)
    _refuse_unpushed_adoption(base, head)
    if base is None or head.findings or base.fingerprint != head.fingerprint:
        refuse_invalid(head)
    if not head.suites and (base is None or not base.suites):
        raise CannotJudge("there is no suite here; write one (sluice new suite NAME)")
    if base is not None:
        _refuse_unreadable(base)
    return base, head


def _judged_from(
    connect: Connect, repo: Repository, base: Catalog | None, head: Catalog, arguments: argparse.Namespace
) -> Judgement:
    names = suite_names(arguments)
    if not arguments.unproven and not _lists_keys(base):
        # Evidence takes a while to load, and nothing was ever signed here.
        change = find_changes(base, head, names)
        return _judged(connect, repo, base, head, change, arguments)
    from sluice.cli.proving import needs_proof, reuse_evidence, settled

    change = find_changes(base, head, names, unproven=needs_proof(repo, base, arguments))
    reused = reuse_evidence(repo, base, head, change, arguments)
    judgement = _judged(connect, repo, base, head, change, arguments)
    return judgement if arguments.no_evidence else settled(repo, base, head, judgement, reused)


def _judged(
    connect: Connect,
    repo: Repository,
    base: Catalog | None,
    head: Catalog,
    change: Change,
    arguments: argparse.Namespace,
) -> Judgement:
    with watching() as watcher:
        return judge(
            base,
            head,
            change,
            repo.state,
            watcher,
            complete=arguments.complete,
            ask=not arguments.stored,
            retry_errors=arguments.retry_errors,
            connect=connect,
        )


def _lists_keys(base: Catalog | None) -> bool:
    return base is not None and bool(base.tree.paths(KEYS_DIRECTORY))


def _refuse_unpushed_adoption(base: Catalog | None, head: Catalog) -> None:
    """A copy that was just made one's own has removed every suite of the template: no verdict about that says much."""
    from sluice.adoption.answers import ANSWERS

    if base is None or head.tree.commit is not None or _holds(base.tree, ANSWERS) or not _holds(head.tree, ANSWERS):
        return
    raise CannotJudge(
        f"the base {base.label} is still the template's own: commit what `sluice init` made, and push it to main "
        "(git push origin HEAD:main evidence); then there is something of yours to compare with"
    )


def _holds(tree: Tree, path: str) -> bool:
    try:
        return bool(tree.read(path))
    except FileNotFoundError:
        return False
    finally:
        tree.close()


def refuse_invalid(head: Catalog, *, but: Collection[str] = ()) -> None:
    """Raise InvalidFiles where a rule finds an error; `but` names rules that do not matter here."""
    try:
        errors = [finding for finding in check(head) if finding.severity == "error" and finding.rule not in but]
    finally:
        head.tree.close()
    if errors:
        raise InvalidFiles(errors)


def _refuse_unreadable(base: Catalog) -> None:
    """The base is what it is: only files that cannot be read at all make it useless."""
    errors = [finding for finding in base.findings if finding.severity == "error"]
    if errors:
        raise CannotJudge(f"the base {base.label} has files that cannot be read, first: {errors[0]}")


def watching() -> BarWatcher | LineWatcher:
    """Return what shows progress: a live bar at a terminal, lines in CI."""
    return LineWatcher() if quiet() or not sys.stderr.isatty() else BarWatcher()


def keep(repo: Repository, judgement: Judgement, output: str | None) -> None:
    """Store the judgement for the verbs that read one, and where `--output` says."""
    for path in [repo.last_judgement, *([Path(output)] if output else [])]:
        write_whole(path, chain(to_json(judgement), [b"\n"]))


def show(judgement: Judgement, arguments: argparse.Namespace) -> None:
    """Print the judgement in the asked format."""
    print(rendered(judgement, arguments.format, getattr(arguments, "cases", 3)), end="")


def rendered(judgement: Judgement, style: str, cases: int) -> str:
    """Return the judgement as text, Markdown or JSON."""
    if style == "json":
        return b"".join(to_json(judgement)).decode() + "\n"
    if style == "markdown":
        from sluice.report.markdown import to_markdown

        return to_markdown(judgement, cases=cases)
    from sluice.report.terminal import to_text

    width, colour = terminal_style()
    return to_text(judgement, width=width, colour=colour, cases=cases)


def terminal_style() -> tuple[int, bool]:
    """Return the width to print at (at most 120), and whether to use colour."""
    width = min(120, shutil.get_terminal_size((80, 24)).columns)
    return width, sys.stdout.isatty() and not os.environ.get("NO_COLOR")
