"""Reads judgements that others stored: strictly, and always about the commit that is trusted to be meant."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from sluice.errors import CannotJudge, SluiceError
from sluice.forge import artifact
from sluice.forge.answers import is_sha
from sluice.forge.client import GitHub
from sluice.forge.failures import ForgeError
from sluice.forge.pulls import belongs_to
from sluice.gate.judgement import Judgement
from sluice.report.json import from_json
from sluice.report.rendered import RenderedChange, read_rendered


def file_bytes(path: str) -> bytes | None:
    """Return a file's bytes, None where there is none."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CannotJudge(f"cannot read {path}: {error.strerror}") from None


def parse_judgement(data: bytes) -> Judgement:
    """Return the judgement that hostile bytes hold; raise CannotJudge for anything else."""
    try:
        return from_json(json.loads(data))
    except (ValueError, RecursionError):
        raise CannotJudge("the stored judgement is no JSON that can be read") from None


def rendered_by(github: GitHub, run: int, head: str) -> RenderedChange | str | None:
    """Return what a run says it would release, None where it says nothing, else why it cannot be shown.

    It informs and decides nothing, so whatever is wrong with it keeps no judgement from being told.
    """
    try:
        data = artifact.download(github, run, head, artifact.RENDERED)
        found = read_rendered(data) if data is not None else None
        if found is not None and not (found.head and belongs_to(github, found.head, head)):
            return f"what this run rendered is about another commit than {head[:7]}"
    except SluiceError as problem:
        return str(problem)
    return found.model_copy(update={"head": head}) if found is not None else None


def trusted_head(github: GitHub, judgement: Judgement, head: str) -> Judgement:
    """Return the judgement about the trusted commit, whatever it calls itself.

    A judgement that names a commit must name that one, or a merge of it as the forge makes them.
    """
    told = judgement.head_commit
    if told is not None and not (is_sha(told) and belongs_to(github, told, head)):
        raise ForgeError(f"the stored judgement is about another commit than {head[:7]}; nothing of it is shown")
    return replace(judgement, head_commit=head)
