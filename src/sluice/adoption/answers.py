"""The answers that make a copy somebody's own; written to a file, so that a later `sluice init` need not ask again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator

from sluice.errors import UsageError
from sluice.schema.base import Frozen, Name

SETTINGS = ".github/settings"
ANSWERS = f"{SETTINGS}/adoption.json"
OWNER_PATTERN = r"^@[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,99})?$"
REGISTRY_PATTERN = r"^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?(?:/[a-z0-9][a-z0-9._-]*)*$"
LOGIN_PATTERN = r"^@[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})$"
RESERVED_ENVIRONMENTS = frozenset({"checks", "evidence"})

Owner = Annotated[str, StringConstraints(pattern=OWNER_PATTERN)]
Login = Annotated[str, StringConstraints(pattern=LOGIN_PATTERN)]
Registry = Annotated[str, StringConstraints(pattern=REGISTRY_PATTERN, max_length=200)]

_MEANING = {
    "owner": "a person or a team, as CODEOWNERS names them: @person or @organisation/team",
    "approvers": "logins of persons, @one,@other: a workflow knows who started it, and not their teams",
    "registry": "where your images lie, without a scheme and in lower case: ghcr.io/organisation",
    "environments": "names in lower case, each once, in the order of a roll-out; not `evidence` or `checks`",
    "app_id": "the number that the App's own page shows",
    "application": "lower case letters, digits, dots and dashes",
}


class Adoption(Frozen):
    """What `sluice init` was told. `template` is the tree of the template's commit that the copy began with."""

    format: Literal[1] = 1
    owner: Owner
    registry: Registry
    environments: tuple[Name, ...] = Field(min_length=1, max_length=8)
    model: Name
    application: Name
    embedded: bool
    sample: bool = False
    approvers: tuple[Login, ...] = Field(default=(), max_length=50)
    app_id: int | None = Field(default=None, ge=1)
    engine: str
    template: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40,64}$")]

    @field_validator("environments")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value) or RESERVED_ENVIRONMENTS & set(value):
            raise ValueError("each once, and none of them `evidence` or `checks`")
        return value

    @property
    def organisation(self) -> str:
        """The account that the owner belongs to."""
        return self.owner.removeprefix("@").partition("/")[0]

    @property
    def approving(self) -> tuple[str, ...]:
        """Who may name a first release: those that were named, else the person who owns it; of a team nobody."""
        return self.approvers or (() if self.team else (self.owner,))

    @property
    def team(self) -> str | None:
        """The owning team's name, or None where a person owns the repository."""
        return self.owner.partition("/")[2] or None


def checked(**told: object) -> Adoption:
    """Return the answers; raise UsageError that says which one cannot be followed, and what it should look like."""
    try:
        return Adoption.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = str(first["loc"][0])
        option = "--" + name.replace("_", "-")
        meaning = _MEANING.get(name, first["msg"])
        raise UsageError(f"{option} {shown(first['input'])} cannot be used: give {meaning}") from None


def shown(value: object) -> str:
    """Return a value as a person typed it."""
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else repr(value)


def read(text: str, where: str = ANSWERS) -> Adoption:
    """Read stored answers; raise UsageError where they are none."""
    try:
        return Adoption.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise UsageError(
            f"{where} cannot be read: {place}: {first['msg']}; restore it, or delete it and answer again"
        ) from None


def stored(root: Path) -> Adoption | None:
    """Return the answers in a working tree, or None where nobody has answered yet."""
    path = root / ANSWERS
    return read(path.read_text(encoding="utf-8")) if path.is_file() else None


def written(adoption: Adoption) -> str:
    """Return the text of the file that keeps the answers."""
    return pretty(adoption.model_dump(mode="json"))


def pretty(value: object) -> str:
    """Return JSON for people: sorted keys, two blanks, a newline at the end."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
