"""Deploy branches: one commit is one release of one environment; read, and written only on top of what is known."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

from sluice.catalog import GitTree, is_shallow
from sluice.errors import CannotJudge
from sluice.evidence.git import NOTHING, REMOTE, ask, complaint, is_ancestor, tell, tip
from sluice.release.record import Record, read_record

RECORD = "release.json"
STATEMENT = "release.dsse.json"
BUNDLE = "bundle"
MANIFESTS = "manifests"
_AUTHOR = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "sluice"), ("EMAIL", "release@sluice.invalid"))
}
_RACES = (
    "non-fast-forward",
    "fetch first",
    "stale info",
    "cannot lock ref",
    "failed to update ref",
    "reference already",
)
_NO_SUCH_REF = 2


class LostRace(CannotJudge):
    """Somebody else released meanwhile: what was planned is not about what runs now, and is planned again."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """One release as its commit holds it; `files` is everything, by path."""

    environment: str
    commit: str
    record: Record
    files: Mapping[str, bytes]

    @property
    def number(self) -> int:
        """The number of the release; it only ever goes up."""
        return self.record.number

    @property
    def release(self) -> str:
        """The digest of the release."""
        return self.record.release

    @property
    def bundle(self) -> dict[str, bytes]:
        """Name -> content of the bundle."""
        return below(self.files, BUNDLE)

    @property
    def manifests(self) -> dict[str, bytes]:
        """Name -> text of the manifests, in the order in which they are applied."""
        return below(self.files, MANIFESTS)

    @property
    def statement(self) -> bytes | None:
        """The signed statement, where a key was there to sign it."""
        return self.files.get(STATEMENT)


def below(files: Mapping[str, bytes], directory: str) -> dict[str, bytes]:
    """Return the files below a directory by their names there, sorted."""
    prefix = f"{directory}/"
    return {path.removeprefix(prefix): files[path] for path in sorted(files) if path.startswith(prefix)}


def local_ref(environment: str) -> str:
    """Return the full name of an environment's branch, here and at the remote."""
    return f"refs/heads/deploy/{environment}"


def tracked_ref(environment: str) -> str:
    """Return the name under which the remote's branch is known here."""
    return f"refs/remotes/{REMOTE}/deploy/{environment}"


def head(root: Path, environment: str) -> str | None:
    """Return the commit of an environment's last release as it is known here.

    A local release that the remote overtook does not count: it was never what runs.
    """
    local, tracked = tip(root, local_ref(environment)), tip(root, tracked_ref(environment))
    if local is None or tracked is None:
        return local or tracked
    return local if is_ancestor(root, tracked, local) else tracked


def read(root: Path, environment: str, commit: str | None = None) -> Deployed | None:
    """Return what an environment runs by its branch (or at a commit of it), None where nothing was released yet.

    Raises CannotJudge where the commit holds no release of this environment.
    """
    found = commit or head(root, environment)
    return None if found is None else _deployed(root, environment, found)


def _deployed(root: Path, environment: str, commit: str) -> Deployed:
    tree = GitTree(root, commit)
    try:
        paths = (RECORD, STATEMENT, *tree.paths(BUNDLE), *tree.paths(MANIFESTS))
        files = {path: data for path in paths if (data := _read(tree, path)) is not None}
    finally:
        tree.close()
    if RECORD not in files:
        raise CannotJudge(f"{commit[:12]} on deploy/{environment} holds no {RECORD}: it is no release")
    record = read_record(files[RECORD])
    if record.lock.environment != environment:
        raise CannotJudge(f"{commit[:12]} on deploy/{environment} is a release of {record.lock.environment}")
    return Deployed(environment, commit, record, files)


def _read(tree: GitTree, path: str) -> bytes | None:
    try:
        return tree.read(path)
    except FileNotFoundError:
        return None


def history(root: Path, environment: str, start: str | None = None) -> Iterator[Deployed]:
    """Yield the releases of an environment, the newest first, as far as this clone knows them."""
    first = start or head(root, environment)
    if first is None:
        return
    for commit in tell(root, "rev-list", "--first-parent", first).split():
        yield _deployed(root, environment, commit)


def find(root: Path, environment: str, wanted: str) -> Deployed | None:
    """Return the newest release of a number or of the first digits of a digest."""
    return next((one for one in history(root, environment) if is_named(one, wanted)), None)


def is_named(one: Deployed, wanted: str) -> bool:
    """Tell whether a release has this number, or a digest that begins so."""
    if wanted.isdigit() and len(wanted) < len(NOTHING) // 4:
        return one.number == int(wanted)
    return one.release.removeprefix("sha256:").startswith(wanted.removeprefix("sha256:"))


def contents(
    record: Record, bundle: Mapping[str, bytes], manifests: Mapping[str, bytes], statement: bytes | None
) -> dict[str, bytes]:
    """Return path -> content of a release's commit."""
    files = {RECORD: record.write()}
    files |= {f"{BUNDLE}/{name}": data for name, data in bundle.items()}
    files |= {f"{MANIFESTS}/{name}": data for name, data in manifests.items()}
    return files if statement is None else {**files, STATEMENT: statement}


def manifest_name(index: int, kind: str, name: str) -> str:
    """Return the name of a manifest's file; names sort in the order in which manifests are applied."""
    return f"{index:03d}-{re.sub(r'[^a-z0-9.-]', '-', f'{kind}-{name}'.lower())}.yaml"


def commit_release(root: Path, parent: str | None, files: Mapping[str, bytes], time: str, message: str) -> str:
    """Write a commit that holds exactly these files on top of what is deployed; no branch moves yet."""
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        ids = {path: tell(root, "hash-object", "-w", "--stdin", data=data) for path, data in sorted(files.items())}
        lines = "".join(f"100644 {blob}\t{path}\n" for path, blob in ids.items())
        tell(root, "read-tree", "--empty", environment=index)
        tell(root, "update-index", "--index-info", data=lines.encode(), environment=index)
        tree = tell(root, "write-tree", environment=index)
    when = {f"GIT_{role}_DATE": time for role in ("AUTHOR", "COMMITTER")}
    words = ["commit-tree", tree, *(["-p", parent] if parent else []), "-F", "-"]
    return tell(root, *words, data=message.encode(), environment={**_AUTHOR, **when})


def keep(root: Path, environment: str, commit: str, parent: str | None) -> None:
    """Let the local branch name a release; raise LostRace where another process moved it meanwhile."""
    _refuse_checked_out(root, environment)
    local = tip(root, local_ref(environment))
    ahead = local is not None and local != parent and (parent is None or is_ancestor(root, parent, local))
    if ahead or ask(root, "update-ref", local_ref(environment), commit, local or NOTHING).returncode:
        raise LostRace(f"deploy/{environment} was written here meanwhile; run the command again")


def _refuse_checked_out(root: Path, environment: str) -> None:
    if f"branch {local_ref(environment)}" in tell(root, "worktree", "list", "--porcelain").splitlines():
        raise CannotJudge(f"deploy/{environment} is checked out; leave it first: it is written without a working tree")


def fetch(root: Path, environment: str) -> str | None:
    """Fetch an environment's branch and return its tip, None where the remote has none."""
    branch = local_ref(environment)
    if ask(root, "remote", "get-url", REMOTE).returncode:
        raise CannotJudge(f"there is no remote {REMOTE} to read deploy/{environment} from")
    seen = ask(root, "ls-remote", "--quiet", "--exit-code", REMOTE, branch)
    if seen.returncode == _NO_SUCH_REF:
        if tip(root, tracked_ref(environment)):
            raise CannotJudge(
                f"{REMOTE} has lost deploy/{environment} that it had; `git push {REMOTE} "
                f"{tracked_ref(environment)}:{branch}` brings back what is known here"
            )
        return None
    depth = ["--depth=1"] if is_shallow(root) else []
    done = ask(root, "fetch", "--quiet", "--no-tags", *depth, REMOTE, f"+{branch}:{tracked_ref(environment)}")
    if done.returncode:
        raise CannotJudge(f"deploy/{environment} could not be fetched: {complaint(done)}")
    return tip(root, tracked_ref(environment))


def push(root: Path, environment: str, commit: str) -> None:
    """Push a release, never by force: its parent must be what the remote has. Raises LostRace where it is not."""
    branch = local_ref(environment)
    done = ask(root, "-c", "core.hooksPath=/dev/null", "push", "--porcelain", "--quiet", REMOTE, f"{commit}:{branch}")
    if done.returncode:
        said = complaint(CompletedProcess(done.args, done.returncode, b"", done.stdout + b" " + done.stderr))
        if any(race in said for race in _RACES):
            raise LostRace(f"{REMOTE} had another release of {environment} first")
        raise CannotJudge(f"the release could not be brought to {REMOTE}: {said}")
    tell(root, "update-ref", tracked_ref(environment), commit)
    ask(root, "update-ref", branch, commit)
