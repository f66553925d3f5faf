"""Joins what shards have stored: their journals and their completions, so that one judgement can be made of all.

A journal belongs to one run of one suite. Shards of different suites never meet, shards of one suite have calls of
their own; what meets and differs is refused, because no rule could say which answer is the right one.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.cache import CompletionCache
from sluice.digest import digest, short
from sluice.errors import CannotJudge, UsageError
from sluice.journal import Journal, parse
from sluice.providers.base import Completion
from sluice.results import FORMAT
from sluice.runner.joining import Records, joined

COMPLETIONS = Path("cache") / "completions.sqlite"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_RUN = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge found in all states together, and how much of it was new."""

    runs: int
    new_runs: int
    new_completions: int


def merge(sources: Sequence[Path], target: Path) -> Merged:
    """Join the states of shards into `target`; nothing is written unless everything fits together.

    A source is a state directory or holds one. Raises UsageError for a directory without a state, CannotJudge for
    contents that contradict each other.
    """
    states = [_state(source) for source in sources]
    with ExitStack() as stack:
        own = _journals(target)
        runs = _joined([*states, target])
        completions = _completions([*states, target])
        new = {place: records for place, records in runs.items() if own.get(place) != records}
        for (suite, run), records in new.items():
            journal = stack.enter_context(Journal(target / "runs" / suite / run / "journal.jsonl"))
            journal.restart()
            journal.append(records)
        cache = CompletionCache(target / COMPLETIONS)
        stack.callback(cache.close)
        fresh = len(completions) - len(cache.get(completions))
        cache.put(completions)
    return Merged(len(runs), len(new), fresh)


def _state(source: Path) -> Path:
    """Return the state in a directory: itself, or the hidden one that it holds."""
    for directory in (source, source / ".sluice"):
        if (directory / "runs").is_dir() or (directory / COMPLETIONS).is_file():
            return directory
    raise UsageError(f"{source} holds no state of an eval (neither runs/ nor {COMPLETIONS}); name a shard's .sluice")


def _journals(state: Path) -> dict[tuple[str, str], Records]:
    """Read the journals of a state; a torn last line is what an interrupted run leaves, and is left out."""
    found = {}
    for path in sorted((state / "runs").glob("*/*/journal.jsonl")):
        suite, run = path.parts[-3:-1]
        if path.is_symlink() or not _NAME.fullmatch(suite) or not _RUN.fullmatch(run):
            raise CannotJudge(f"{path} is no journal of a run; it was not merged, and nothing else was")
        data = path.read_bytes()
        records = list(parse(path, data[: data.rfind(b"\n") + 1]))
        if records:
            _refuse_misplaced(path, suite, run, records[0])
            found[suite, run] = records
    return found


def _refuse_misplaced(path: Path, suite: str, run: str, first: Mapping[str, Any]) -> None:
    header = first.get("run")
    named = isinstance(header, dict) and header.get("suite") == suite and short(digest(header)) == run
    if first.get("format") != FORMAT or not named:
        raise CannotJudge(f"{path} is the journal of another run, or of another version of Sluice; nothing was merged")


def _joined(states: Iterable[Path]) -> dict[tuple[str, str], Records]:
    found: dict[tuple[str, str], list[Records]] = {}
    for state in states:
        for place, records in _journals(state).items():
            found.setdefault(place, []).append(records)
    return {place: joined(place[0], journals) for place, journals in found.items()}


def _completions(states: Iterable[Path]) -> dict[str, Completion]:
    known: dict[str, Completion] = {}
    for state in states:
        for key, completion in _cached(state):
            first = known.setdefault(key, completion)
            if (first.text, first.finish_reason) != (completion.text, completion.finish_reason):
                raise CannotJudge(
                    f"two shards have different answers to one request ({short(key)}); suites that share requests "
                    "belong into one shard (sluice plan groups them)"
                )
    return known


def _cached(state: Path) -> Iterator[tuple[str, Completion]]:
    """Read a cache from a copy: opening it may write beside it, and a shard's state is not ours."""
    if not (state / COMPLETIONS).is_file():
        return
    with tempfile.TemporaryDirectory() as directory:
        for path in (state / COMPLETIONS).parent.glob(f"{COMPLETIONS.name}*"):
            if path.name.removeprefix(COMPLETIONS.name) in ("", "-wal"):
                shutil.copyfile(path, Path(directory) / path.name)
        cache = CompletionCache(Path(directory) / COMPLETIONS.name)
        try:
            yield from cache.items()
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise CannotJudge(f"{state / COMPLETIONS} cannot be read: {error}") from None
        finally:
            cache.close()
