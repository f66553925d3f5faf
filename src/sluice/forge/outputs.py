"""A step's outputs, written so that no value can end its own block and begin another."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from sluice.errors import UsageError

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def outputs(values: Mapping[str, str]) -> str:
    """Return the text for GITHUB_OUTPUT; each value stands between two lines of a delimiter nobody can guess."""
    return "".join(map(_block, values, values.values()))


def _block(name: str, value: str) -> str:
    assert _NAME.fullmatch(name), name
    delimiter = f"sluice-{secrets.token_hex(16)}"
    clean = "".join(character for character in value if character == "\n" or character.isprintable())
    return f"{name}<<{delimiter}\n{clean}\n{delimiter}\n"


def write_outputs(path: str | None, values: Mapping[str, str]) -> None:
    """Append to the file that the workflow names; raise UsageError where there is none."""
    if not path:
        raise UsageError("GITHUB_OUTPUT is not set; this verb runs in a workflow's step")
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(outputs(values))
    except OSError:
        raise UsageError("GITHUB_OUTPUT names no file that can be written") from None
