"""What an event is about: the judgement of a finished run, its pull request, and how far it can be trusted."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass

from sluice.cli.forge_acceptances import accepted, reported_change
from sluice.cli.forge_reading import file_bytes, parse_judgement, rendered_by, trusted_head
from sluice.cli.options import repository
from sluice.errors import UsageError
from sluice.forge import artifact
from sluice.forge.answers import PullRequest, is_sha
from sluice.forge.authority import Order, authorise
from sluice.forge.check import stand_ins
from sluice.forge.client import GitHub
from sluice.forge.commands import Command, parse
from sluice.forge.comment import RunMark, find_report, mark_of
from sluice.forge.event import Environment, FinishedRun, RunEvent, read_environment
from sluice.forge.failures import Refusal
from sluice.forge.overlay import not_taken
from sluice.forge.pulls import Changes, changes, pull_of_run
from sluice.forge.trust import code_among, shown, why_untrusted
from sluice.gate.judgement import Judgement
from sluice.report.rendered import RenderedChange


@dataclass(frozen=True, slots=True)
class Judged:
    """One finished run: the commit it judged, its judgement (None: it stored none) and whose change that is."""

    env: Environment
    github: GitHub
    mark: RunMark
    ended: str
    judgement: Judgement | None
    pull: PullRequest | None
    current: bool
    changed: Changes | None
    obstacles: tuple[str, ...]
    """Why this run cannot vouch for its own verdict."""
    command: Command | None = None
    by: str | None = None
    rendered: RenderedChange | str | None = None
    """What it would change in the environments, or why that cannot be shown; None where no run says."""

    @property
    def run_url(self) -> str:
        """The page of the run that judged."""
        return self.env.url_of_run(self.mark.run)

    @property
    def note(self) -> str | None:
        """Return what a reader must know before the first number, in one line of our own words."""
        told = []
        if self.pull is not None and not self.current:
            told.append(f"Stale: this judged {self.mark.head[:7]}, and the head is {self.pull.head.sha[:7]} now.")
        if self.command is not None and self.command.verb != "accept":
            scope = f" of the suite {self.command.suite} alone" if self.command.suite else ""
            code = code_among(self.changed.files) if self.changed is not None else ()
            unrun = f"; the change's own code did not run: {', '.join(map(shown, code[:3]))}" if code else ""
            told.append(f"A run{scope} with the main branch's engine, which {self.by} asked for{unrun}.")
        if self.obstacles:
            what = "; ".join(self.obstacles)
            told.append(f"Advice only, it needs a maintainer's run: {what}.")
        return " ".join(told) or None


def judged(arguments: argparse.Namespace) -> Judged:
    """Return what the event is about; raise ForgeError or UsageError where that cannot be told."""
    env = read_environment(os.environ)
    if env.event == "workflow_run":
        return _of_finished_run(env, env.client(), env.finished_run())
    if env.event == "issue_comment":
        return _of_command(env, env.client(), arguments)
    raise UsageError(f"`sluice forge {arguments.action}` answers workflow_run and issue_comment, not {env.event}")


def _of_finished_run(env: Environment, github: GitHub, event: RunEvent) -> Judged:
    run = event.workflow_run
    data = artifact.download(github, run.id, run.head_sha) if run.conclusion != "cancelled" else None
    judgement = trusted_head(github, parse_judgement(data), run.head_sha) if data is not None else None
    found = pull_of_run(github, run, event.repository.default_branch) if run.event == "pull_request" else None
    changed = changes(github, found.pull.base.sha, run.head_sha) if found is not None else None
    return Judged(
        env=env,
        github=github,
        mark=RunMark(head=run.head_sha, run=run.id, attempt=run.run_attempt),
        ended=run.conclusion or "unfinished",
        judgement=judgement,
        pull=found.pull if found else None,
        current=found is None or found.current,
        changed=changed,
        obstacles=_obstacles(run, changed, judgement),
        rendered=rendered_by(github, run.id, run.head_sha) if run.conclusion != "cancelled" else None,
    )


def _obstacles(run: FinishedRun, changed: Changes | None, judgement: Judgement | None) -> tuple[str, ...]:
    """A merge group was put together by people who may merge; a pull request was not."""
    untrusted = why_untrusted(changed) if changed is not None and run.event == "pull_request" else None
    return (*filter(None, [untrusted]), *(stand_ins(judgement) if judgement else ()))


def _of_command(env: Environment, github: GitHub, arguments: argparse.Namespace) -> Judged:
    if not arguments.head or not is_sha(arguments.head):
        raise UsageError("after a command, --head names the commit that `sluice forge command` wrote")
    order = ordered(env, github)
    if order.command.verb == "accept":
        return _of_acceptance(env, github, order, arguments)
    if order.command.verb == "help":
        raise UsageError("/help makes no report")
    data = file_bytes(arguments.judgement) if arguments.judgement else artifact.download(github, env.run, None)
    judgement = trusted_head(github, parse_judgement(data), arguments.head) if data is not None else None
    changed = changes(github, order.pull.base.sha, arguments.head)
    left = not_taken(changed)
    renderer = _renderer(env, github, order, arguments.head)
    missing = (f"this run leaves out {', '.join(map(shown, left[:3]))}",) if left else ()
    return Judged(
        env=env,
        github=github,
        mark=RunMark(head=arguments.head, run=env.run, attempt=env.attempt, rendered=renderer),
        ended="nothing was stored",
        judgement=judgement,
        pull=order.pull,
        current=order.pull.head.sha == arguments.head,
        changed=changed,
        obstacles=(*missing, *(stand_ins(judgement) if judgement else ())),
        command=order.command,
        by=order.by,
        rendered=rendered_by(github, renderer, arguments.head) if renderer is not None else None,
    )


def _renderer(env: Environment, github: GitHub, order: Order, head: str) -> int | None:
    """Return the run that rendered this head, as the report names it: a command judges, and renders nothing."""
    posted = find_report(github, order.pull.number, env.author)
    mark = mark_of(posted.body) if posted is not None else None
    return (mark.rendered or mark.run) if mark is not None and mark.head == head else None


def _of_acceptance(env: Environment, github: GitHub, order: Order, arguments: argparse.Namespace) -> Judged:
    """The report that was there, told again as the acceptances on the branch leave it."""
    posted = find_report(github, order.pull.number, env.author)
    mark = mark_of(posted.body) if posted is not None else None
    if mark is None or mark.head != arguments.head:
        raise Refusal("the report is about another head by now; nothing was told again")
    told = reported_change(github, repository(arguments).root, order, mark)
    judgement = accepted(repository(arguments).root, told)
    return Judged(
        env=env,
        github=github,
        mark=mark,
        ended="success",
        judgement=judgement,
        pull=order.pull,
        current=order.pull.head.sha == mark.head,
        changed=changes(github, order.pull.base.sha, mark.head),
        obstacles=tuple(stand_ins(judgement)),
        command=order.command,
        by=order.by,
        rendered=rendered_by(github, mark.rendered or mark.run, mark.head),
    )


def ordered(env: Environment, github: GitHub) -> Order:
    """Return the command of this event, authorised anew."""
    event = env.comment()
    command = parse(event.comment.body or "") if event.ignored is None else None
    if command is None:
        raise UsageError("this comment holds no command")
    return authorise(github, event, command)
