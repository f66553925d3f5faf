"""One thing that was looked at, what was found, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "fix"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at. `repair` says what to do where the state is not `ok`."""

    name: str
    state: State
    found: str
    repair: str = ""
