"""How `sluice init` comes to its answers: options first, then what was answered before, then questions or defaults.

What is answered is checked at its question, and asked again where it cannot be followed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from sluice import __version__
from sluice.adoption import answers, git, sample
from sluice.adoption.answers import Adoption
from sluice.adoption.plan import require_model
from sluice.adoption.template import TEMPLATE
from sluice.errors import CannotJudge, UsageError

REGISTRY = "ghcr.io"
ENVIRONMENTS = "staging,production"
APPLICATION = "assistant"

QUESTIONS = {
    "owner": "Who reviews policy (@person or @organisation/team)?",
    "registry": "Where do your images lie?",
    "environments": "Which environments, in the order of a roll-out?",
    "model": f"Which model do your prompts name ({', '.join((sample.EMBEDDED, *sample.SERVED))})?",
}

APPROVERS = "Which logins may name a first release (@one,@other; nothing to say it later)?"

Ask = Callable[[str, str], str]
Checks = Mapping[str, Callable[[str], object]]


def answered(
    root: Path, arguments: argparse.Namespace, previous: Adoption | None, *, drafted: Adoption | None = None
) -> Adoption:
    """Return the answers; raise UsageError where one is missing and nobody can be asked, or cannot be followed.

    `previous` are those of the commit; `drafted` those of a run that nobody has committed yet: the defaults now.
    """
    return _again(arguments, previous) if previous else _first(root, arguments, drafted)


def _again(arguments: argparse.Namespace, previous: Adoption) -> Adoption:
    """What decided which files went cannot be answered again; the files are the owner's now."""
    fixed = {
        "--model": arguments.model not in (None, previous.model),
        "--application": arguments.application not in (None, previous.application),
        "--keep-embedded": arguments.keep_embedded and not previous.embedded,
        "--keep-sample": arguments.keep_sample and not previous.sample,
    }
    said = [option for option, differs in fixed.items() if differs]
    if said:
        raise UsageError(f"{', '.join(said)} was answered when this copy was made yours; now edit the files themselves")
    told = {
        "owner": arguments.owner,
        "registry": arguments.registry,
        "environments": _split(arguments.environments) if arguments.environments else None,
        "app_id": arguments.app_id,
        "approvers": _split(arguments.approvers) if arguments.approvers else None,
    }
    new = {name: value for name, value in told.items() if value is not None}
    return answers.checked(**{**dict(previous), **new})


def _first(root: Path, arguments: argparse.Namespace, drafted: Adoption | None) -> Adoption:
    checks = _checks(root)
    told = {name: getattr(arguments, name) for name in QUESTIONS}
    for name, value in told.items():
        if value:
            checks[name](value)
    ask = _asker(arguments, checks)
    account = (git.slug(root) or "").partition("/")[0]
    usual = {"owner": f"@{account}" if account else "", "environments": ENVIRONMENTS, "model": sample.EMBEDDED}
    if drafted:
        usual = {"owner": drafted.owner, "environments": ",".join(drafted.environments), "model": drafted.model}
    owner = told["owner"] or ask("owner", usual["owner"])
    organisation = owner.removeprefix("@").partition("/")[0].lower()
    registry = told["registry"] or ask("registry", drafted.registry if drafted else f"{REGISTRY}/{organisation}")
    environments = _split(told["environments"] or ask("environments", usual["environments"]))
    model = told["model"] or ask("model", usual["model"])
    approvers = _approvers(arguments, owner, drafted, checks)
    kept = drafted if drafted and drafted.model == model else None
    return answers.checked(
        owner=owner,
        registry=registry,
        environments=environments,
        approvers=approvers,
        model=model,
        application=arguments.application or (drafted.application if drafted else APPLICATION),
        embedded=arguments.keep_embedded
        or arguments.keep_sample
        or model == sample.EMBEDDED
        or bool(kept and kept.embedded),
        sample=arguments.keep_sample or bool(kept and kept.sample),
        app_id=arguments.app_id or (drafted.app_id if drafted else None),
        engine=__version__,
        template=git.git(root, "rev-parse", "HEAD^{tree}").strip(),
    )


def _approvers(arguments: argparse.Namespace, owner: str, drafted: Adoption | None, checks: Checks) -> tuple[str, ...]:
    """Return who may name a first release; of a team's members only a person can tell, now or later."""
    if arguments.approvers:
        return answers.checked(**{**dict(TEMPLATE), "approvers": _split(arguments.approvers)}).approvers
    known = drafted.approvers if drafted else ()
    if known or "/" not in owner or arguments.yes or not sys.stdin.isatty():
        return known
    answer = _asked("approvers", "", checks, needed=False)
    return _split(answer) if answer else ()


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def _checks(root: Path) -> Checks:
    """Return what raises UsageError for an answer that cannot be followed, by the answer's name."""

    def alone(name: str, value: object) -> None:
        answers.checked(**{**dict(TEMPLATE), name: value})

    def model(value: str) -> None:
        alone("model", value)
        require_model(root, value)

    return {
        "owner": lambda value: alone("owner", value),
        "registry": lambda value: alone("registry", value),
        "environments": lambda value: alone("environments", _split(value)),
        "approvers": lambda value: alone("approvers", _split(value) if value else ()),
        "model": model,
    }


def _asker(arguments: argparse.Namespace, checks: Checks) -> Ask:
    """Return what finds an answer: the default with `--yes`, a question on a terminal, else an error that says how."""
    if arguments.yes:
        return _take_default
    return (lambda name, default: _asked(name, default, checks)) if sys.stdin.isatty() else _refuse


def _asked(name: str, default: str, checks: Checks, *, needed: bool = True) -> str:
    """Ask until the answer can be followed; what is not needed may be left open."""
    while True:
        answer = _question(name, default)
        try:
            answer = answer or (_take_default(name, default) if needed else "")
            checks[name](answer)
        except UsageError as problem:
            print(problem, file=sys.stderr)
        else:
            return answer


def _take_default(name: str, default: str) -> str:
    if not default:
        raise UsageError(f"--{name} has no default here: the remote origin names no account; say --{name}")
    return default


def _question(name: str, default: str) -> str:
    shown = f" [{default}]" if default else ""
    try:
        return input(f"{QUESTIONS.get(name, APPROVERS)}{shown} ").strip()
    except EOFError:
        raise UsageError(f"no answer for --{name}") from None
    except KeyboardInterrupt:
        raise CannotJudge("interrupted; nothing was written, and what was answered is forgotten") from None


def _refuse(name: str, default: str) -> str:
    hint = f", or --yes for {default!r} and the other defaults" if default else ""
    raise UsageError(f"nobody can be asked here: say --{name}{hint}")
