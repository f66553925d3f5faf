"""How `sluice init` comes to its answers: options first, then what was answered before, then questions or defaults."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from sluice import __version__
from sluice.adoption import answers, git, sample
from sluice.adoption.answers import Adoption
from sluice.errors import UsageError

REGISTRY = "ghcr.io"
ENVIRONMENTS = "staging,production"
APPLICATION = "assistant"

QUESTIONS = {
    "owner": "Who reviews policy (@person or @organisation/team)?",
    "registry": "Where do your images lie?",
    "environments": "Which environments, in the order of a roll-out?",
    "model": f"Which model do your prompts name ({', '.join((sample.EMBEDDED, *sample.SERVED))})?",
}


def answered(root: Path, arguments: argparse.Namespace, previous: Adoption | None) -> Adoption:
    """Return the answers; raise UsageError where one is missing and nobody can be asked, or cannot be followed."""
    return _again(arguments, previous) if previous else _first(root, arguments)


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
    }
    new = {name: value for name, value in told.items() if value is not None}
    return answers.checked(**{**dict(previous), **new})


def _first(root: Path, arguments: argparse.Namespace) -> Adoption:
    ask = _asker(arguments)
    account = (git.slug(root) or "").partition("/")[0]
    owner = arguments.owner or ask("owner", f"@{account}" if account else "")
    organisation = owner.removeprefix("@").partition("/")[0].lower()
    registry = arguments.registry or ask("registry", f"{REGISTRY}/{organisation}")
    environments = _split(arguments.environments or ask("environments", ENVIRONMENTS))
    model = arguments.model or ask("model", sample.EMBEDDED)
    return answers.checked(
        owner=owner,
        registry=registry,
        environments=environments,
        model=model,
        application=arguments.application or APPLICATION,
        embedded=arguments.keep_embedded or arguments.keep_sample or model == sample.EMBEDDED,
        sample=arguments.keep_sample,
        app_id=arguments.app_id,
        engine=__version__,
        template=git.git(root, "rev-parse", "HEAD^{tree}").strip(),
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def _asker(arguments: argparse.Namespace) -> Callable[[str, str], str]:
    """Return what finds an answer: the default with `--yes`, a question on a terminal, else an error that says how."""
    if arguments.yes:
        return _take_default
    return _question if sys.stdin.isatty() else _refuse


def _take_default(name: str, default: str) -> str:
    if not default:
        raise UsageError(f"--{name} has no default here: the remote origin names no account; say --{name}")
    return default


def _question(name: str, default: str) -> str:
    shown = f" [{default}]" if default else ""
    try:
        answer = input(f"{QUESTIONS[name]}{shown} ").strip()
    except EOFError:
        raise UsageError(f"no answer for --{name}") from None
    return answer or _take_default(name, default)


def _refuse(name: str, default: str) -> str:
    hint = f", or --yes for {default!r} and the other defaults" if default else ""
    raise UsageError(f"nobody can be asked here: say --{name}{hint}")
