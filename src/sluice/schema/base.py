"""The settings that every file model shares, and the field types used by more than one kind."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

JsonSchema = dict[str, Any]
"""A JSON Schema (draft 2020-12) as plain data; its own validity is a cross-file rule."""

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Owners = Annotated[tuple[Text, ...], Field(min_length=1)]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]*$"
MAX_NAME = 100
"""Characters of a name: file systems take 255 bytes, and journals and artifacts are named after several names."""
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]


class Frozen(BaseModel):
    """An immutable value that refuses unknown keys and silent conversions.

    Its validator is built when it is first used: a command needs few of them, and they take most of its start.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


class FileModel(Frozen):
    """The content of one file of the ground floor."""

    description: Text = Field(description="What this file is for, in one or two sentences.")
