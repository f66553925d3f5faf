"""Plays a session on a scratch clone: applies and judges each patch in `demo-edits/`, and compares the verdicts."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EDITS = Path(__file__).resolve().parent / "demo-edits"
RECORDINGS = ROOT / "tests/fixtures/demo"
VERDICTS = {0: "pass", 1: "fail", 3: "files invalid", 4: "cannot judge (inconclusive)"}

WHAT_NEXT = """\
Now yours, in this clone:
  1. edit one line of prompts/support-answer.yaml
  2. .venv/bin/sluice eval
  3. .venv/bin/sluice report --cases 20    shows more of the cases that moved
"""


@dataclass(frozen=True, slots=True)
class Edit:
    """One patch: what it does, why it is interesting, and the exit code that `sluice eval` must end with."""

    name: str
    title: str
    why: str
    expect: int
    patch: Path


@dataclass(frozen=True, slots=True)
class Played:
    """How one edit went."""

    edit: Edit
    code: int
    seconds: float

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the one that the edit names."""
        return self.code == self.edit.expect


def read_edit(path: Path) -> Edit:
    """Read a patch whose first lines are `title:`, `expect:` and `why:` (which may go on over several lines)."""
    head, _, _ = path.read_text(encoding="utf-8").partition("diff --git")
    fields: dict[str, str] = {}
    name = ""
    for line in filter(None, head.splitlines()):
        if line.startswith(" "):
            fields[name] += " " + line.strip()
        else:
            name, _, words = line.partition(":")
            fields[name] = words.strip()
    return Edit(path.stem, fields["title"], fields["why"], int(fields["expect"]), path)


def read_edits() -> list[Edit]:
    """Return every edit, in the order of the file names."""
    return [read_edit(path) for path in sorted(EDITS.glob("*.patch"))]


def clone(scratch: Path) -> None:
    """Make a fresh clone whose `main` is what is checked out here."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.parent.mkdir(parents=True, exist_ok=True)
    _run(["git", "clone", "--quiet", str(ROOT), str(scratch)], ROOT)
    _run(["git", "checkout", "--quiet", "-B", "main"], scratch)
    _run(["git", "remote", "remove", "origin"], scratch)


def play(edit: Edit, number: int, scratch: Path, output: Path) -> Played:
    """Apply one edit to a clean tree, judge it and say whether the verdict was the expected one."""
    _run(["git", "checkout", "--quiet", "--", "."], scratch)
    _run(["git", "apply", str(edit.patch)], scratch)
    print(f"\n=== Edit {number}: {edit.title} ===\n{edit.why}\n", flush=True)
    _run(["git", "--no-pager", "diff", "--unified=0", "--no-color"], scratch)
    print("\n$ sluice eval", flush=True)
    started = time.monotonic()
    command = [sys.executable, "-m", "sluice.cli", "eval", "--cases", "2", "--output", str(output)]
    code = subprocess.run(command, cwd=scratch, check=False).returncode
    played = Played(edit, code, time.monotonic() - started)
    print(f"-> {_outcome(played)}", flush=True)
    return played


def _outcome(played: Played) -> str:
    word = VERDICTS.get(played.code, "trouble")
    wanted = "" if played.as_expected else f", EXPECTED exit {played.edit.expect}"
    return f"exit {played.code}, {word}, in {played.seconds:.0f} s{wanted}"


def _run(command: list[str], directory: Path) -> None:
    subprocess.run(command, cwd=directory, check=True)


def _summary(session: list[Played]) -> str:
    lines = [f"  {one.edit.title:<52}{_outcome(one)}" for one in session]
    total = sum(one.seconds for one in session)
    return "\n".join(["\n=== The session ===", *lines, f"  {len(session)} edits judged in {total:.0f} s", ""])


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--record", action="store_true", help="store the judgement of the red edit for the README")
    return options.parse_args()


def main() -> int:
    """Play every edit; return 1 where a verdict is not the expected one."""
    record = _options().record
    scratch = ROOT / ".sluice" / "demo" / "clone"
    print(f"Cloning this repository into {scratch.relative_to(ROOT)} ...", flush=True)
    clone(scratch)
    session = []
    for number, edit in enumerate(read_edits(), 1):
        output = scratch.parent / f"{edit.name}.json"
        session.append(play(edit, number, scratch, output))
        if record and session[-1].code == 1:
            RECORDINGS.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(output, RECORDINGS / "red.json")
    print(_summary(session))
    if not session or not all(one.as_expected for one in session):
        print("The demo did not go as expected; see the lines above.", file=sys.stderr)
        return 1
    print(WHAT_NEXT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
