"""The grammar of commands in comments on pull requests: what a line must look like to be one, and nothing more."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from sluice.forge.failures import Refusal

Verb = Literal["eval", "retry-errors", "accept", "help"]
VERBS: tuple[Verb, ...] = ("eval", "retry-errors", "accept", "help")
MOST_CASES = 50
REASON_LENGTH = range(10, 501)
"""Characters of a reason: long enough to be one, short enough to be read in every release that carries it."""

USAGE = (
    "`/eval [SUITE] [--full]`: run the affected suites, or one, with the engine of the main branch",
    "`/retry-errors`: ask again, with main's engine, for what this head's last run could not answer",
    "`/accept CASE… because REASON`: accept broken cases of this head, as somebody other than its author",
    "`/help`: this list",
)

_COMMAND = re.compile(rf"/({'|'.join(VERBS)})(?:[ \t]+(.*))?")
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_SUITE = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_CASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#-]{0,199}")
_QUOTED = re.compile(r'(?P<ids>[^"“”]*)["“](?P<reason>[^"“”]+)["”][ \t]*')
_BECAUSE = re.compile(r"(?P<ids>.*?)(?:\A|[ \t])because[ \t]+(?P<reason>.+)")


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was given."""

    verb: Verb
    suite: str | None = None
    full: bool = False
    cases: tuple[str, ...] = ()
    reason: str | None = None


def parse(body: str) -> Command | None:
    """Return the command of a comment, None where it has none; raise Refusal for one that breaks the grammar.

    A command stands at the very start of a line, outside quotes, code blocks and hidden text; one to a comment.
    """
    # Reports put word joiners into ids so that nothing links; an id that was copied from one brings them back.
    plain = body.replace("\u2060", "")
    found = [match for line in _visible_lines(plain) if (match := _COMMAND.fullmatch(line))]
    if not found:
        return None
    if len(found) > 1:
        raise Refusal(f"a comment holds one command; this one has {len(found)}")
    verb, rest = found[0].group(1), (found[0].group(2) or "").strip(" \t")
    match verb:
        case "eval":
            return _eval(rest)
        case "accept":
            return _accept(rest)
        case "retry-errors" | "help":
            if rest:
                raise Refusal(f"/{verb} takes nothing after it")
            return Command("help" if verb == "help" else "retry-errors")
    return None


def _visible_lines(body: str) -> list[str]:
    lines: list[str] = []
    fence = ""
    for raw in _HIDDEN.sub("", body.replace("\r\n", "\n")).split("\n"):
        line = raw.rstrip(" \t")
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark.group(1)
        elif fence:
            closes = mark and mark.group(1).startswith(fence) and not line.strip().strip(fence[0])
            fence = "" if closes else fence
        else:
            lines.append(line)
    return lines


def _eval(rest: str) -> Command:
    words = rest.split()
    suites = [word for word in words if word != "--full"]
    if len(suites) > 1 or words.count("--full") > 1 or not all(_SUITE.fullmatch(name) for name in suites):
        raise Refusal("the form is /eval [SUITE] [--full], with the name of one suite")
    return Command("eval", suite=suites[0] if suites else None, full="--full" in words)


def _accept(rest: str) -> Command:
    found = _QUOTED.fullmatch(rest) or _BECAUSE.fullmatch(rest)
    if found is None:
        raise Refusal('a reason is needed: /accept CASE… because REASON, or /accept CASE… "REASON"')
    cases, reason = found["ids"].split(), " ".join(found["reason"].split())
    if not cases or len(cases) > MOST_CASES or not all(_CASE.fullmatch(case) for case in cases):
        raise Refusal(f"/accept takes from one to {MOST_CASES} case ids, as the report shows them")
    if len(set(cases)) != len(cases):
        raise Refusal("a case is named twice")
    if len(reason) not in REASON_LENGTH or not reason.isprintable():
        raise Refusal(f"a reason has {REASON_LENGTH.start} to {REASON_LENGTH.stop - 1} printable characters")
    return Command("accept", cases=tuple(cases), reason=reason)
