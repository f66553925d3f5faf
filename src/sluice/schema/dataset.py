"""The dataset card; the rows are in the JSONL file beside it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sluice.schema.base import FileModel, JsonSchema, Name, Owners, Text


class DatasetCard(FileModel):
    """`datasets/<name>.yaml`: where the rows come from, who may see outputs, and how cases are grouped."""

    license: Text = Field(description="SPDX identifier of the licence of the rows.")
    source: Text = Field(description="Where the rows come from, and how they were made.")
    owners: Owners
    intended_use: Text
    split: Literal["eval", "train", "calibration", "corpus"]
    outputs: Literal["public", "artifact", "none"] | None = Field(
        default=None, description="Where model outputs on these rows may be shown."
    )
    personal_data: bool = False
    id: Text = Field(default="id", description="The field that identifies a case for ever.")
    inputs: JsonSchema = Field(description="JSON Schema of one row.")
    slices: tuple[Text, ...] = ()
    cluster: Text | None = Field(default=None, description="Cases that share this field's value are not independent.")
    held_out_from: tuple[Name, ...] = Field(default=(), description="Train datasets that must not contain these cases.")
    held_out_by: tuple[Text, ...] = Field(
        default=(),
        description="Fields that together identify what was learnt; empty: the whole row but its id.",
    )
    judge: Name | None = Field(default=None, description="The judge that these labels calibrate (split calibration).")
    label: Text | None = Field(
        default=None,
        description="The field with a person's word: true or false for a judge that grades, first, second or tie for "
        "one that compares.",
    )

    @model_validator(mode="after")
    def _labels_calibrate(self) -> DatasetCard:
        if (self.judge is None) != (self.label is None):
            raise ValueError("judge and label belong together: whom the labels calibrate, and the field they stand in")
        if self.judge is not None and self.split != "calibration":
            raise ValueError("labels that calibrate a judge need split: calibration")
        return self

    @property
    def shown_outputs(self) -> Literal["public", "artifact", "none"]:
        """Where outputs may be shown: as declared; else nowhere for personal data, else in artifacts."""
        if self.outputs is not None:
            return self.outputs
        return "none" if self.personal_data else "artifact"
