"""Commands in comments: read, authorised, answered; what they ask for is done by the workflow's next job."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from sluice.cli.forge_judged import ordered
from sluice.cli.options import Repository, repository
from sluice.errors import CannotJudge, ExitCode, SluiceError, UsageError
from sluice.forge import overlay as overlays
from sluice.forge.answers import is_sha
from sluice.forge.authority import Order, authorise, reported
from sluice.forge.client import GitHub
from sluice.forge.commands import USAGE, Command, parse
from sluice.forge.comment import find_report, react, reply
from sluice.forge.event import CommentEvent, Environment, read_environment
from sluice.forge.failures import ForgeError, Refusal
from sluice.forge.outputs import write_outputs
from sluice.forge.pulls import changes, pull_request
from sluice.forge.trust import shown, why_not_vouched
from sluice.report.neutral import plain
from sluice.report.visible import one_line


def command(arguments: argparse.Namespace) -> ExitCode:
    """Read the comment of the event and act on it; a refusal is answered in words, and is no failure of the job."""
    env = read_environment(os.environ)
    if env.event != "issue_comment":
        raise UsageError(f"`sluice forge command` answers issue_comment, not {env.event}")
    event, github = env.comment(), env.client()
    if event.ignored:
        return _nothing(event.ignored)
    try:
        given = parse(event.comment.body or "")
        if given is None:
            return _nothing("no command in this comment")
        return _act(env, github, event, given, arguments)
    except Refusal as refusal:
        _answer(env, github, event, f"Not done: {plain(str(refusal))}.", "confused")
        print(f"refused: {one_line(str(refusal))}")
        if arguments.accept:
            raise
        return _outputs({"verb": "none"})
    except SluiceError as problem:
        if arguments.accept:
            _answer(env, github, event, f"Not done: {plain(str(problem))}", "confused")
        raise


def _nothing(why: str) -> ExitCode:
    print(why)
    return _outputs({"verb": "none"})


def _outputs(values: dict[str, str]) -> ExitCode:
    if os.environ.get("GITHUB_OUTPUT"):
        write_outputs(os.environ["GITHUB_OUTPUT"], values)
    return ExitCode.OK


def _act(
    env: Environment, github: GitHub, event: CommentEvent, given: Command, arguments: argparse.Namespace
) -> ExitCode:
    if arguments.finish:
        return _finish(env, github, event, arguments.finish)
    order = authorise(github, event, given)
    if given.verb == "help":
        _answer(env, github, event, "\n".join(["Commands:", "", *(f"- {line}" for line in USAGE)]), "rocket")
        return _outputs({"verb": "none"})
    if given.verb == "accept":
        return _accept(env, github, event, order, arguments)
    run = _answered_run(env, github, event, order) if given.verb == "retry-errors" else ""
    _politely(lambda: react(github, event.comment.id, "eyes"))
    return _go_on(order, run)


def _go_on(order: Order, run: str = "") -> ExitCode:
    given = order.command
    values = {
        "verb": given.verb,
        "suite": given.suite or "",
        "full": "true" if given.full else "false",
        "pull": str(order.pull.number),
        "head": order.pull.head.sha,
        "run": run,
    }
    print(f"{order.by} on #{order.pull.number} at {order.pull.head.sha[:7]}: /{given.verb}")
    return _outputs(values)


def _answered_run(env: Environment, github: GitHub, event: CommentEvent, order: Order) -> str:
    """Return the run whose answers may be used again; only its errors are then asked for."""
    mark = reported(find_report(github, order.pull.number, env.author), event, order.pull)
    why = why_not_vouched(github, mark.run, mark.head, changes(github, order.pull.base.sha, mark.head))
    if why:
        raise Refusal(f"the answers of that run cannot be used again, as {why}; /eval asks for all of them")
    return str(mark.run)


def _accept(
    env: Environment, github: GitHub, event: CommentEvent, order: Order, arguments: argparse.Namespace
) -> ExitCode:
    """First check that it may be carried out; in the job that holds the key, check again and carry it out."""
    from sluice.cli.forge_acceptances import carry_out, reported_change, wishes

    root = repository(arguments).root
    mark = reported(find_report(github, order.pull.number, env.author), event, order.pull)
    told = reported_change(github, root, order, mark)
    list(wishes(told, order, arguments.days))
    if not arguments.accept:
        _politely(lambda: react(github, event.comment.id, "eyes"))
        return _go_on(order)
    if pull_request(github, order.pull.number).head.sha != mark.head:
        raise Refusal("the head moved meanwhile; wait for the new report and read it")
    lines = carry_out(root, told, order, arguments.days)
    text = f"Accepted for {arguments.days} days, of {mark.head[:7]} alone; a new commit voids it:"
    _answer(env, github, event, "\n".join([text, "", *(f"- `{line}`" for line in lines)]), "rocket")
    print(*lines, sep="\n")
    return ExitCode.OK


def _finish(env: Environment, github: GitHub, event: CommentEvent, result: str) -> ExitCode:
    if result == "success":
        _politely(lambda: react(github, event.comment.id, "rocket"))
    else:
        text = f"The run ended as {result}: [its page]({env.run_url}) says why."
        _answer(env, github, event, text, "confused", keep=True)
    print(f"the command ended: {result}")
    return ExitCode.OK


def _answer(
    env: Environment, github: GitHub, event: CommentEvent, text: str, reaction: str, *, keep: bool = False
) -> None:
    """React and reply; with `keep`, a reply that is there already says it better."""
    _politely(lambda: react(github, event.comment.id, reaction))
    reply(github, event.issue.number, env.author, event.comment.id, text, keep=keep)


def _politely(act: Callable[[], None]) -> None:
    """A reaction is a courtesy: that it failed is said, and stops nothing."""
    try:
        act()
    except ForgeError as problem:
        print(f"sluice: no reaction: {problem}", file=sys.stderr)


def overlay(arguments: argparse.Namespace) -> ExitCode:
    """Put the data of the commanded pull request over this checkout; print what was taken and what was left."""
    if not is_sha(arguments.head):
        raise UsageError("--head names a commit in full, as `sluice forge command` wrote it")
    env = read_environment(os.environ)
    if env.event != "issue_comment":
        raise UsageError(f"`sluice forge overlay` answers issue_comment, not {env.event}")
    repo, github = repository(arguments), env.client()
    order = ordered(env, github)
    if order.pull.head.sha != arguments.head:
        raise CannotJudge("the head moved since the command; give it again for the new one")
    found = overlays.overlay(github, repo.root, changes(github, order.pull.base.sha, arguments.head))
    _write(repo, found)
    return ExitCode.OK


def _write(repo: Repository, found: overlays.Overlay) -> None:
    overlays.write(repo.root, found.files)
    for path, data in sorted(found.files.items()):
        print(f"{'took' if data is not None else 'removed'} {path}")
    for path in found.left:
        print(f"left {shown(path)}: a command takes prompts, datasets and suites, and nothing that runs")
