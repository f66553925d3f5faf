"""Reads the judgement that a verb is asked about: the last one, or a file."""

from __future__ import annotations

import json
from pathlib import Path

from sluice.cli.options import Repository
from sluice.errors import CannotJudge, UsageError
from sluice.gate.judgement import Judgement
from sluice.report.json import from_json


def read_judgement(repo: Repository, file: str | None) -> Judgement:
    """Return a stored judgement; raise CannotJudge where it is unreadable."""
    path = Path(file) if file else repo.last_judgement
    try:
        data = path.read_bytes()
    except OSError:
        raise UsageError(f"no judgement in {path}; run `sluice eval` first, or name a file") from None
    try:
        return from_json(json.loads(data))
    except (ValueError, RecursionError) as error:
        if file is not None:
            wanted = "`sluice eval --output FILE` writes one"
            raise CannotJudge(f"{path} is no stored judgement, for it is no JSON ({error}); {wanted}") from None
        raise CannotJudge(f"{path} is no judgement ({error}); run `sluice eval` again") from None
