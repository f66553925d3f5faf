"""Posts what a run found: the one comment of a pull request, and the check run of the commit."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sluice.cli.forge_judged import Judged, judged
from sluice.errors import ExitCode
from sluice.forge import check as checks
from sluice.forge.check import Annotation, Report, conclude
from sluice.forge.comment import mark_of, put_report, stamped, superseded, with_note
from sluice.gate.verdict import Verdict
from sluice.report.rendered import RenderedChange

if TYPE_CHECKING:
    from sluice.forge.sticky import Render
    from sluice.gate.judgement import Judgement

UNAFFECTED = "nothing that a suite depends on has changed"


def comment(arguments: argparse.Namespace) -> ExitCode:
    """Bring the pull request to exactly one report; print what was done, or why nothing was."""
    told = judged(arguments)
    if told.pull is None:
        print("no open pull request has this head (or it is a merge group): there is nothing to comment on")
        return ExitCode.OK
    reasons: list[str] = []
    judgement = told.judgement or _rendered_alone(told)
    render = _noted(told, reasons) if judgement is None else _reported(told, judgement, reasons)
    outcome = put_report(told.github, told.pull.number, told.env.author, render)
    where = f"comment {outcome.id} on #{told.pull.number}" if outcome.id else f"#{told.pull.number}: no comment"
    print(f"{where}: {outcome.done}", *reasons[-1:], sep="; ")
    return ExitCode.OK


def _noted(told: Judged, reasons: list[str]) -> Render:
    """A run without a judgement only marks an earlier report as such; it never makes one."""
    reasons.append(f"run {told.mark.run} stored no judgement ({told.ended}); {told.run_url} says more")

    def render(previous: str | None) -> str | None:
        mark = mark_of(previous)
        if previous is None or mark is None or mark.head == told.mark.head or not told.current:
            return None
        unaffected = "found nothing that a suite depends on changed against the base"
        what = unaffected if told.ended == "success" else "ended without a judgement"
        newer = f"[The run]({told.run_url}) of the newer head {told.mark.head[:7]} {what}."
        return with_note(previous, f"{newer} This report is about {mark.head[:7]}.")

    return render


def _rendered_alone(told: Judged) -> Judgement | None:
    """Return what carries a rendered difference where no suite was judged: an edit of `infra/` affects none."""
    from sluice.gate.judgement import Judgement
    from sluice.report.comment import worth_showing

    if told.command is not None or not isinstance(told.rendered, RenderedChange) or not worth_showing(told.rendered):
        return None
    if told.ended == "success":
        verdict = Verdict("skipped", (), (UNAFFECTED,))
    else:
        verdict = Verdict("invalid", (), (f"the run ended before a judgement ({told.ended})",))
    return Judgement("base", "head", told.rendered.base, told.mark.head, (), (), (), verdict)


def _reported(told: Judged, judgement: Judgement, reasons: list[str]) -> Render:
    from sluice.report.comment import to_comment, worth_a_comment

    assert told.pull is not None
    current_head = told.pull.head.sha

    def render(previous: str | None) -> str | None:
        obstacle = superseded(mark_of(previous), told.mark, current_head)
        if obstacle:
            reasons.append(obstacle)
            return None
        if previous is None and not worth_a_comment(judgement, told.rendered):
            reasons.append("nothing was affected, so nothing is said")
            return None
        text = to_comment(judgement, previous=previous, run_url=told.run_url, note=told.note, rendered=told.rendered)
        return stamped(text, told.mark)

    return render


def check(arguments: argparse.Namespace) -> ExitCode:
    """Post the check run of the judged commit; print its conclusion, or why there is none."""
    told = judged(arguments)
    if told.ended == "cancelled":
        print("the run was cancelled, so a later one will post the check")
        return ExitCode.OK
    if told.pull is None and told.changed is None and told.env.event == "workflow_run" and not _is_merge_group(told):
        print("no open pull request has this head: there is nothing to check")
        return ExitCode.OK
    if told.command is not None and told.judgement is None:
        print("the commanded run stored no judgement, so the check stays as it is")
        return ExitCode.OK
    if told.command is not None and told.command.suite:
        print(f"the run judged {told.command.suite} alone, so it says nothing about the whole change: no check")
        return ExitCode.OK
    report = check_report(told)
    external = f"sluice:{told.mark.run}:{told.mark.attempt}"
    number = checks.post(told.github, told.mark.head, external, told.run_url, report)
    print(f"check run {number} on {told.mark.head[:7]}: {report.conclusion}; {report.title}")
    return ExitCode.OK


def _is_merge_group(told: Judged) -> bool:
    return told.env.finished_run().workflow_run.event == "merge_group"


def check_report(told: Judged) -> Report:
    """Return what the check says."""
    if told.judgement is None:
        return _without_judgement(told)
    from sluice.report.comment import to_comment

    conclusion, title = conclude(told.judgement.verdict, told.obstacles)
    summary = to_comment(told.judgement, run_url=told.run_url, note=told.note, rendered=told.rendered)
    return Report(conclusion, title, summary, _annotations(told, told.judgement))


def _without_judgement(told: Judged) -> Report:
    """A run that succeeds without a judgement found nothing that a suite depends on changed."""
    page = f"[The run]({told.run_url}) says more."
    if told.ended == "success":
        verdict = Verdict("skipped", (), (UNAFFECTED,))
        conclusion, title = conclude(verdict, told.obstacles)
        return Report(conclusion, title, f"Nothing that a suite depends on has changed. {told.note or ''} {page}")
    if told.ended == "action_required":
        return Report("action_required", "needs a maintainer's run: the workflow waits for approval", page)
    return Report("failure", f"no judgement: the run ended before one ({told.ended})", page)


def _annotations(told: Judged, judgement: Judgement) -> tuple[Annotation, ...]:
    from sluice.cli.forge_notices import prompt_annotations
    from sluice.forge.patches import changed_lines

    files = told.changed.files if told.changed is not None else ()
    lines = {file.filename: changed_lines(file.patch) for file in files if file.patch and file.status != "removed"}
    return prompt_annotations(judgement, lines)
