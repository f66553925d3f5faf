"""What a judge said of a calibration dataset's cases: written beside the labels by `sluice calibrate`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sluice.schema.base import Digest, Frozen, Name, Text

SUFFIX = ".calibration.json"

Share = Annotated[float, Field(ge=0, le=1)]


class Said(Frozen):
    """One answer of a judge: its score and whether it says pass, or which of two outputs it prefers."""

    score: Share | None = None
    passed: bool | None = None
    winner: Literal["first", "second", "tie"] | None = None


class Calibration(Frozen):
    """What one judge, known by its digest, said: for each case all its answers, or null where one was unreadable.

    A judge that compares has answered each case in both orders: the first half in the row's, the second swapped, all
    in the places of the row.
    """

    digest: Digest
    parts: dict[Text, Digest] = Field(description="What the judge's answers depend on, part by part.")
    engine: Text
    repeats: int = Field(ge=1)
    answers: dict[Text, tuple[Said, ...] | None]


class CalibrationFile(Frozen):
    """`datasets/<name>.calibration.json`."""

    format: Literal[1]
    judge: Name
    rows: Digest = Field(description="The content of the rows that were judged, labels included.")
    calibrations: tuple[Calibration, ...]

    def of(self, digest: str) -> Calibration | None:
        """Return what the judge of a digest said."""
        return next((one for one in self.calibrations if one.digest == digest), None)
