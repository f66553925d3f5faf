"""How talking to a forge can fail; each failure is a sentence for the person who must act."""

from __future__ import annotations

from sluice.errors import CannotJudge


class ForgeError(CannotJudge):
    """The forge refused, or gave no usable answer; the message says what to do."""


class NotAllowed(ForgeError):
    """401 or 403: the token may not do this."""


class Missing(ForgeError):
    """404 or 410: it is gone, or the token may not see it."""


class Conflict(ForgeError):
    """409: somebody else changed it meanwhile."""


class Rejected(ForgeError):
    """422: the forge understood the request and will not carry it out as it stands."""


class Unsure(ForgeError):
    """No answer came back: the request may or may not have been carried out, so ask before doing it again."""


class Refusal(ForgeError):
    """A command that a rule forbids; the message names the rule and is the reply to whoever asked."""
