"""Makes a fresh copy of the template your own. Asks, or takes options; `--dry-run` only says what it would do.

Writes owners and settings, takes the sample application out and puts a small one of yours in, makes a signing key and
the branch `evidence`. Commits nothing. Run it again at any time: it changes only what its answers still ask for. While
a newer template is being merged it takes out what came with it about the sample. `--apply` sends the settings to the
forge, with a token in GITHUB_TOKEN.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.adoption import answers, git, sample
from sluice.adoption.answers import ANSWERS, Adoption
from sluice.cli.asking import answered
from sluice.cli.next_steps import next_steps
from sluice.cli.options import add_root, repository
from sluice.errors import CannotJudge, ExitCode, UsageError
from sluice.report.numbers import counted

if TYPE_CHECKING:
    from sluice.adoption.plan import Plan

MOST_SHOWN = 12
FILES_ALONE = (
    "owner", "approvers", "registry", "environments", "model", "application", "app_id", "keep_embedded", "keep_sample",
    "key_directory", "no_key",
)  # fmt: skip
"""Options about files, which `--apply` does not touch."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_root(parser)
    parser.add_argument("--owner", metavar="@NAME", help="@person or @organisation/team: reviews policy")
    parser.add_argument(
        "--approvers", metavar="@A,@B", help="logins that may name a first release (default: the owner, if a person)"
    )
    parser.add_argument("--registry", metavar="HOST/NAME", help="where your images lie (default: ghcr.io/ACCOUNT)")
    parser.add_argument(
        "--environments", metavar="A,B", help="in the order of a roll-out (default: staging,production)"
    )
    parser.add_argument("--model", metavar="NAME", help=f"what your prompts name (default: {sample.EMBEDDED})")
    parser.add_argument("--application", metavar="NAME", help="your first prompt and suite (default: assistant)")
    parser.add_argument("--app-id", type=int, metavar="N", help="the App that posts the check and writes evidence")
    parser.add_argument(
        "--keep-embedded", action="store_true", help=f"keep {sample.EMBEDDED} as the stand-in of another model"
    )
    parser.add_argument("--keep-sample", action="store_true", help="keep the sample application and its demo")
    parser.add_argument(
        "--key-directory", metavar="DIR", help="where the secret key goes (default: ~/.config/sluice/REPOSITORY)"
    )
    parser.add_argument("--no-key", action="store_true", help="make no signing key")
    parser.add_argument("--yes", action="store_true", help="ask nothing: take the defaults for what is not said")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--apply", action="store_true", help="send .github/settings to the forge instead")
    parser.add_argument(
        "--repository", metavar="OWNER/NAME", help="the repository at the forge (default: that of the remote origin)"
    )


def run(arguments: argparse.Namespace) -> ExitCode:
    """Adopt, or send the settings."""
    root = repository(arguments).root
    git.require_repository(root)
    if arguments.apply:
        _refuse_beside_apply(arguments)
        return _apply(root, arguments)
    return _adopt(root, arguments)


def _refuse_beside_apply(arguments: argparse.Namespace) -> None:
    said = [f"--{name.replace('_', '-')}" for name in FILES_ALONE if getattr(arguments, name) not in (None, False)]
    if said:
        raise UsageError(f"--apply sends the files as they are; run `sluice init {' '.join(said)} ...` by itself first")


def _adopt(root: Path, arguments: argparse.Namespace) -> ExitCode:
    from sluice.adoption.performing import perform, regenerate
    from sluice.adoption.plan import plan
    from sluice.adoption.settling import settle
    from sluice.cli.forging import repository_name

    text = git.head_text(root, ANSWERS)
    previous = answers.read(text) if text else None
    adoption = answered(root, arguments, previous, drafted=None if previous else answers.stored(root))
    forge = repository_name(root, arguments.repository)
    directory = _key_directory(root, arguments, fresh=previous is None)
    merging = git.merging(root)
    settled = settle(root) if merging and not arguments.dry_run else []
    planned = plan(root, adoption, previous, forge)
    _refuse_foreign(root, planned, previous, adoption)
    print(_described(root, planned, dry=arguments.dry_run))
    if arguments.dry_run:
        return ExitCode.OK
    fresh = previous is None
    perform(root, planned)
    key = _key(root, directory) if directory else None
    _branch(root, fresh=fresh)
    generated = regenerate(root)
    if merging:
        return _merged(root, [*settled, *planned.removed, *planned.written, *generated])
    print(next_steps(root, adoption, key, forge))
    return ExitCode.OK


def _refuse_foreign(root: Path, planned: Plan, previous: Adoption | None, adoption: Adoption) -> None:
    from sluice.adoption.plan import foreign_changes

    foreign = foreign_changes(root, planned, previous, adoption)
    if foreign:
        more = f" and {len(foreign) - 5} more" if len(foreign) > 5 else ""
        raise UsageError(f"not committed: {', '.join(foreign[:5])}{more}; commit or undo that first (git status)")


def _described(root: Path, planned: Plan, *, dry: bool) -> str:
    """Say what goes by directory, and what is written by name."""
    may = "would " if dry else ""
    gone: dict[str, list[str]] = {}
    for path in planned.removed:
        gone.setdefault(path.partition("/")[0], []).append(path)
    lines = [f"{may}remove {len(paths)} in {top}/: {_some(paths)}" for top, paths in sorted(gone.items())]
    written = [path for path, text in sorted(planned.written.items()) if _differs(root / path, text)]
    lines += [f"{may}write {path}" for path in written]
    lines += [f"left as you edited it: {path}" for path in planned.kept]
    if dry:
        lines.append("and a signing key, the branch evidence and the generated pages, where they are missing or stale")
    return "\n".join(lines or ["nothing to remove or to write: the files are as the answers ask"])


def _some(paths: Iterable[str]) -> str:
    """Name files below one directory; those of a directory in it are counted."""
    inner = Counter(_inner(path) for path in paths)
    names = [
        f"{name} ({counted(count, 'file')})" if name.endswith("/") else name for name, count in sorted(inner.items())
    ]
    return ", ".join(names[:MOST_SHOWN]) + (", …" if len(names) > MOST_SHOWN else "")


def _inner(path: str) -> str:
    """Return a file's own name, or the directory that holds it, of two levels at most."""
    parts = path.split("/")[1:]
    return parts[0] if len(parts) == 1 else "/".join(parts[: min(2, len(parts) - 1)]) + "/"


def _differs(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_text(encoding="utf-8") != text


def _key_directory(root: Path, arguments: argparse.Namespace, *, fresh: bool) -> Path | None:
    """Return where the secret key may go, None where none is to be made; raise UsageError before anything is written.

    The public keys of a fresh copy are the template's, and go.
    """
    from sluice.adoption import keys

    named = Path(arguments.key_directory) if arguments.key_directory else None
    if arguments.no_key:
        if named:
            raise UsageError("--no-key makes no key, and --key-directory says where it goes: choose")
        return None
    directory = named or keys.default_directory(root)
    if named or fresh or not keys.has_key(root):
        keys.secret_file(root, directory)
    return directory


def _key(root: Path, directory: Path) -> Path | None:
    """Make a signing key where there is none; return the secret's file."""
    from sluice.adoption import keys

    if keys.has_key(root):
        return None
    there = keys.secret_file(root, directory).exists()
    secret = keys.make_key(root, directory)
    made = "took the signing key that lay there" if there else "made a signing key"
    print(f"{made}: its public half is in the repository, the secret one in {secret} (only you can read it)")
    return secret


def _branch(root: Path, *, fresh: bool) -> None:
    from sluice.scaffold import page

    if fresh and git.asks(root, "rev-parse", "--verify", "--quiet", f"refs/remotes/origin/{git.EVIDENCE_BRANCH}"):
        print(
            f"the branch {git.EVIDENCE_BRANCH} came with the copy; its evidence is signed by the template's keys, so "
            f"nothing here trusts it: git push origin --delete {git.EVIDENCE_BRANCH}, then run this again"
        )
    if not git.has_evidence_branch(root):
        commit = git.make_evidence_branch(root, page("evidence-branch.md"))
        print(f"made the branch {git.EVIDENCE_BRANCH} at {commit[:12]}")


def _merged(root: Path, paths: Iterable[str]) -> ExitCode:
    """Stage what was settled, and say what a person has to decide."""
    from sluice.adoption.settling import stage

    stage(root, paths)
    left = sorted(git.unmerged(root))
    if left:
        print("\nYours to settle, then git add and git commit:", *(f"  {path}" for path in left), sep="\n")
        return ExitCode.CANNOT_JUDGE
    print("\nThe merge has no conflict left: ./scripts/test, then git commit")
    return ExitCode.OK


def _apply(root: Path, arguments: argparse.Namespace) -> ExitCode:
    """Send the settings, or only say what would be sent, and of each what became of it."""
    from sluice.adoption import settings
    from sluice.adoption.applying import apply
    from sluice.cli.forging import client, rehearsal

    wanted = settings.read(root)
    github = (rehearsal if arguments.dry_run else client)(root, arguments.repository)
    changed = "would set" if arguments.dry_run else "set"
    refused = 0
    for step in apply(github, wanted):
        outcome = changed if step.outcome == "set" else step.outcome
        print(f"{outcome:<11}{step.name}" + (f"\n{'':<11}-> {step.why}" if step.why else ""))
        refused += step.outcome == "refused"
    if refused:
        raise CannotJudge(f"{refused} of the settings were refused; mend what stands beside them and run this again")
    return ExitCode.OK
