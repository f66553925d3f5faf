"""Typed parts of what the forge sends; unknown keys are its own business, wrong types are refused."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from sluice.forge.client import REPOSITORY_PATTERN
from sluice.forge.failures import ForgeError

SHA_PATTERN = r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$"
Sha = Annotated[str, StringConstraints(pattern=SHA_PATTERN)]
Login = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}(?:\[bot\])?$")]
Number = Annotated[int, Field(ge=1, le=2**53)]
FullName = Annotated[str, StringConstraints(pattern=REPOSITORY_PATTERN)]
Body = Annotated[str, StringConstraints(max_length=2**20)]
Branch = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


def is_sha(text: str) -> bool:
    """Tell whether a text is a commit's full name, and nothing besides."""
    return re.fullmatch(SHA_PATTERN, text) is not None


AnswerT = TypeVar("AnswerT", bound="Answer")


class Answer(BaseModel):
    """A part of an answer or of an event: immutable, without silent conversions."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class User(Answer):
    """An account. People's logins cannot hold brackets, so `[bot]` marks a bot for certain."""

    login: Login
    type: str = "User"

    @property
    def is_bot(self) -> bool:
        """Whether a program writes under this name."""
        return self.type == "Bot" or self.login.endswith("[bot]")


class Repository(Answer):
    """A repository that an event or a pull request names."""

    id: Number
    full_name: FullName
    owner: User | None = None


class Side(Answer):
    """One end of a pull request; the repository of a head is gone where a fork was deleted."""

    sha: Sha
    ref: Branch
    repo: Repository | None = None


class PullRequest(Answer):
    """A pull request, as far as anything here depends on it."""

    number: Number
    state: str
    head: Side
    base: Side
    user: User | None = None
    merged: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it may still be merged."""
        return self.state == "open"


class ChangedFile(Answer):
    """One file of a comparison. `sha` is the new blob's; `patch` is missing for binary and for large files."""

    filename: str
    status: str
    previous_filename: str | None = None
    sha: Sha | None = None
    patch: str | None = None


class Comment(Answer):
    """A comment on an issue or pull request."""

    id: Number
    body: Body | None = None
    user: User | None = None
    html_url: str = ""
    created_at: str = ""
    updated_at: str = ""


def read(kind: type[AnswerT], value: Any, where: str) -> AnswerT:
    """Return `value` as an answer of a kind; raise ForgeError that names what is wrong where."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise ForgeError(f"{where} is not what GitHub sends: {place[:80]}: {first['msg'][:200]}") from None
