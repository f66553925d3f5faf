"""The artifacts that a finished run left, as hostile as a file can be: sizes, paths and kinds are checked first."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from dataclasses import dataclass

from sluice.forge.answers import Answer, Number, Sha, read
from sluice.forge.client import GitHub
from sluice.forge.failures import ForgeError


@dataclass(frozen=True, slots=True)
class Kind:
    """An artifact by its name, and the one file in it that is read."""

    name: str
    member: str


JUDGEMENT = Kind("sluice-judgement", "judgement.json")
RENDERED = Kind("sluice-rendered", "rendered.json")
MOST_COMPRESSED = 20 * 2**20
MOST_EXPANDED = 100 * 2**20
MOST_MEMBERS = 50
MOST_RATIO = 200
"""Judgements shrink about twentyfold; more than this is no judgement."""

_RATIO_FREE = 2**20
_SIMPLE = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1


class _Origin(Answer):
    id: Number
    head_sha: Sha


class _Artifact(Answer):
    id: Number
    name: str
    size_in_bytes: int
    expired: bool = False
    workflow_run: _Origin | None = None


def download(github: GitHub, run: int, head: str | None, kind: Kind = JUDGEMENT) -> bytes | None:
    """Return the file that a run stored, None where it stored none.

    `head` is the trusted commit of that run; an artifact that the forge itself ascribes to another is refused.
    """
    listed = github.pages(f"actions/runs/{run}/artifacts", "artifacts", name=kind.name)
    artifacts = [read(_Artifact, one, "the list of artifacts") for one in listed]
    named = [one for one in artifacts if one.name == kind.name]
    kept = [one for one in named if not one.expired]
    if named and not kept:
        raise ForgeError(f"the artifact {kind.name} of run {run} has expired; run the workflow again")
    if not kept:
        return None
    newest = max(kept, key=lambda one: one.id)
    _refuse_other_origin(newest, run, head)
    if newest.size_in_bytes > MOST_COMPRESSED:
        raise ForgeError(f"the artifact {kind.name} has more than {MOST_COMPRESSED:,} bytes; it was not read")
    return unpack(github.download(f"actions/artifacts/{newest.id}/zip", MOST_COMPRESSED), kind)


def _refuse_other_origin(artifact: _Artifact, run: int, head: str | None) -> None:
    origin = artifact.workflow_run
    if origin is not None and (origin.id != run or (head is not None and origin.head_sha != head)):
        raise ForgeError(
            f"the artifact {artifact.name} belongs to another run or commit than run {run}; it was not read"
        )


def unpack(data: bytes, kind: Kind = JUDGEMENT) -> bytes:
    """Return the bytes of the file in a zip archive; raise ForgeError for anything unusual about it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check(members, kind)
            found = [member for member in members if member.filename == kind.member]
            if not found:
                raise ForgeError(f"the artifact {kind.name} holds no {kind.member}")
            return _expanded(archive, found[0], kind)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError) as error:
        raise _broken(kind, type(error).__name__) from None
    except (NotImplementedError, RuntimeError, ValueError, OverflowError) as error:
        raise _broken(kind, type(error).__name__) from None


def _broken(kind: Kind, why: str) -> ForgeError:
    return ForgeError(f"the artifact {kind.name} is no zip archive that can be read ({why})")


def _check(members: list[zipfile.ZipInfo], kind: Kind) -> None:
    if len(members) > MOST_MEMBERS:
        raise ForgeError(f"the artifact {kind.name} has {len(members):,} members; at most {MOST_MEMBERS} are read")
    if sum(member.file_size for member in members) > MOST_EXPANDED:
        raise ForgeError(f"the artifact {kind.name} expands to more than {MOST_EXPANDED:,} bytes; it was not read")
    names = [member.orig_filename.casefold() for member in members]
    if len(set(names)) != len(names):
        raise ForgeError(f"the artifact {kind.name} has two members of one name")
    for member in members:
        problem = _problem(member)
        if problem:
            raise ForgeError(f"the artifact {kind.name} has a member that {problem}; nothing of it was read")


def _problem(member: zipfile.ZipInfo) -> str | None:
    """Say what is wrong with a member, by the name that stands in the archive: the reader cuts and mends names."""
    name = member.orig_filename
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or device"
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if member.compress_type not in _SIMPLE:
        return "is compressed in an unusual way"
    if "\\" in name or ":" in name or not name.isprintable():
        return "has an unusual name"
    if name.startswith("/") or ".." in name.split("/"):
        return "leads out of the archive"
    if member.file_size > _RATIO_FREE and member.file_size > MOST_RATIO * max(1, member.compress_size):
        return f"expands more than {MOST_RATIO}-fold"
    return None


def _expanded(archive: zipfile.ZipFile, member: zipfile.ZipInfo, kind: Kind) -> bytes:
    """Read one member, by what comes out and not by what the archive announces."""
    with archive.open(member) as file:
        data = file.read(member.file_size + 1)
        if len(data) != member.file_size or file.read(1):
            raise ForgeError(f"the artifact {kind.name} announces another size than it has")
    return data
