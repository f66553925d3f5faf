"""The template's own answers: what `.github/settings/` holds before anybody has made a copy their own."""

from __future__ import annotations

from sluice.adoption.answers import Adoption
from sluice.adoption.sample import EMBEDDED

TEMPLATE = Adoption(
    owner="@your-org/platform-owners",
    registry="ghcr.io/your-org",
    environments=("staging", "production"),
    model=EMBEDDED,
    application="assistant",
    embedded=True,
    sample=True,
    engine="0",
    template="0" * 40,
)
