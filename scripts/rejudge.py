"""Judges the ground floor of an older commit with that commit's engine and with this one: what moves, the engine moved.

usage: scripts/rejudge.py BASE. Prints a table in Markdown; exits 1 where a verdict or a case differs, with the cases.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
GROUND_FLOOR = ("prompts", "datasets", "evals", "models")
MOST_SHOWN = 20
VERDICT_CODES = (0, 1, 4)
IDENTITY = ("-c", "user.name=sluice", "-c", "user.email=sluice@localhost")

Judgement = dict[str, Any]
Cases = dict[str, dict[str, str]]
"""Suite -> case -> what was found of it, as text that can be compared."""


def main() -> int:
    """Judge with both engines and compare."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("base", help="the commit whose ground floor and engine are the measure")
    base = options.parse_args().base
    if not _differs(base):
        print("The engine's code and its packages are those of the base: nothing to judge twice.")
        return 0
    with tempfile.TemporaryDirectory() as place:
        before, after = both(base, Path(place))
    moved = list(differences(before, after))
    print("\n".join(_table(before, after, moved)))
    return 1 if moved else 0


def both(base: str, place: Path) -> tuple[Judgement, Judgement]:
    """Return the judgements of the older engine and of this one. Answers are asked for once."""
    older, floor = place / "engine", place / "floor"
    older.mkdir()
    _unpack(base, ("src",), older)
    _ground_floor(base, floor)
    before = _judge(older / "src", floor, place / "before.json")
    shutil.rmtree(floor / ".sluice" / "runs", ignore_errors=True)
    return before, _judge(ROOT / "src", floor, place / "after.json")


def _differs(base: str) -> bool:
    command = ["git", "diff", "--quiet", base, "HEAD", "--", "src", "requirements.lock"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode != 0


def _ground_floor(base: str, floor: Path) -> None:
    """Make a repository whose main adds every file to nothing, so that each suite is judged in full as a first one."""
    floor.mkdir()
    _git(floor, "init", "--quiet", "--initial-branch", "main")
    _git(floor, *IDENTITY, "commit", "--quiet", "--allow-empty", "--message", "Nothing")
    _unpack(base, GROUND_FLOOR, floor)
    (floor / ".gitignore").write_text(".sluice/\n", encoding="utf-8")
    _git(floor, "add", "--all")
    _git(floor, *IDENTITY, "commit", "--quiet", "--message", "The ground floor")


def _unpack(revision: str, directories: tuple[str, ...], target: Path) -> None:
    there = [name for name in directories if _git(ROOT, "ls-tree", revision, name)]
    archive = target.with_suffix(".tar")
    _git(ROOT, "archive", "--output", str(archive), revision, *there)
    shutil.unpack_archive(archive, target)


def _judge(source: Path, floor: Path, output: Path) -> Judgement:
    command = [sys.executable, "-m", "sluice.cli", "eval", "--base", "HEAD~1", "--head", "HEAD", "--complete"]
    environment = {**os.environ, "PYTHONPATH": str(source), "CI": "true"}
    done = subprocess.run(
        [*command, "--output", str(output)], cwd=floor, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode not in VERDICT_CODES or not output.is_file():
        raise SystemExit(f"the engine in {source.parent.name} ended with {done.returncode}: {done.stderr[-2000:]}")
    judgement: Judgement = json.loads(output.read_text(encoding="utf-8"))
    return judgement


def differences(before: Judgement, after: Judgement) -> Iterator[str]:
    """Yield in words what the two engines found differently."""
    words, words_after = _words(before), _words(after)
    for suite in sorted(words | words_after):
        if words.get(suite) != words_after.get(suite):
            yield f"{suite}: {words.get(suite, 'not judged')} → {words_after.get(suite, 'not judged')}"
    cases, cases_after = _cases(before), _cases(after)
    for suite in sorted(cases | cases_after):
        here, there = cases.get(suite, {}), cases_after.get(suite, {})
        yield from (f"{suite}, case {case}" for case in sorted(here | there) if here.get(case) != there.get(case))


def _words(judgement: Judgement) -> dict[str, str]:
    return {suite["suite"]: suite["word"] for suite in judgement["verdict"]["suites"]}


def _cases(judgement: Judgement) -> Cases:
    return {
        suite["name"]: {pair["info"]["id"]: _found(pair["head"]) for pair in suite["comparison"]["pairs"]}
        for suite in judgement["suites"]
    }


def _found(results: list[dict[str, Any]]) -> str:
    """What was found of a case: its state, and each metric's value; latencies and reasons may differ."""
    kept = [
        {"state": one["state"], "metrics": {name: score["value"] for name, score in one["metrics"].items()}}
        for one in results
    ]
    return json.dumps(kept, sort_keys=True)


def _table(before: Judgement, after: Judgement, moved: list[str]) -> Iterator[str]:
    yield "### The same files, judged by both engines"
    yield ""
    yield "| suite | cases | engine of the base | this engine |\n|---|---|---|---|"
    words, words_after, cases = _words(before), _words(after), _cases(before)
    for suite in sorted(words | words_after):
        yield f"| {suite} | {len(cases.get(suite, {}))} | {words.get(suite, '')} | {words_after.get(suite, '')} |"
    yield ""
    yield f"{len(moved)} differences" if moved else "Nothing moved: every verdict and every case is the same."
    yield from (f"- {one}" for one in moved[:MOST_SHOWN])
    if len(moved) > MOST_SHOWN:
        yield f"- and {len(moved) - MOST_SHOWN} more"


def _git(place: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=place, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
