"""Who may command what: asked of the forge at the time of acting, never read from what a comment claims."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sluice.forge.answers import Comment, PullRequest
from sluice.forge.client import GitHub
from sluice.forge.commands import Command
from sluice.forge.comment import RunMark, mark_of
from sluice.forge.event import CommentEvent
from sluice.forge.failures import ForgeError, Refusal
from sluice.forge.pulls import authors, may_write, pull_request


@dataclass(frozen=True, slots=True)
class Order:
    """A command that may be carried out: by whom, on which pull request, and on which head at that time."""

    command: Command
    by: str
    pull: PullRequest
    comment: int
    url: str
    given_at: datetime


def authorise(github: GitHub, event: CommentEvent, command: Command) -> Order:
    """Return the order; raise Refusal, naming the rule, where this person may not give it now."""
    person = event.comment.user
    if person is None or person.is_bot:
        raise Refusal("commands are given by people")
    pull = pull_request(github, event.issue.number)
    owner = pull.user is not None and pull.user.login.casefold() == person.login.casefold()
    if not (command.verb == "help" and owner) and not may_write(github, person.login):
        raise Refusal("commands are for people who may push to this repository; ask one of them")
    if command.verb != "help" and not pull.is_open:
        raise Refusal("this pull request is closed")
    if command.verb == "accept" and person.login.casefold() in authors(github, pull):
        raise Refusal("whoever wrote a change may not accept what it breaks; somebody else must")
    url, given_at = event.comment.html_url, _moment(event.comment.created_at)
    return Order(command, person.login, pull, event.comment.id, url, given_at)


def reported(posted: Comment | None, event: CommentEvent, pull: PullRequest) -> RunMark:
    """Return the run whose report the person had before them; raise Refusal where that is not certain.

    The report must be about the head as it is now, and must have stood there before the command was given:
    otherwise a push between reading and commanding would slip something else under the acceptance.
    """
    mark = mark_of(posted.body) if posted is not None else None
    if posted is None or mark is None:
        raise Refusal("there is no report on this pull request yet; /eval makes one")
    if mark.head != pull.head.sha:
        raise Refusal("the head moved since the report; wait for the new one and read it")
    if _moment(posted.updated_at) > _moment(event.comment.created_at):
        raise Refusal("the report changed after you wrote; read it again and repeat the command")
    return mark


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ForgeError("a time that the forge sent cannot be read") from None
    if moment.tzinfo is None:
        raise ForgeError("a time that the forge sent has no time zone")
    return moment
