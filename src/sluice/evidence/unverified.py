"""The one error of this room: evidence that is not what it must be; the message says why."""

from __future__ import annotations

from sluice.errors import CannotJudge


class Unverified(CannotJudge):
    """Evidence that does not verify, and so proves nothing."""
