"""The model file: what is served, exactly, how, and at what price."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field

from sluice.schema.base import Digest, FileModel, Frozen, Name, Text

EngineName = Literal["tgi", "vllm", "local"]
ENGINE_NAMES: tuple[EngineName, ...] = get_args(EngineName)
Arguments = dict[Text, int | float | str | bool]


class HubSource(Frozen):
    """Weights on the Hugging Face Hub, pinned by a full commit hash."""

    hub: Text
    revision: Text


class PathSource(Frozen):
    """Weights that this repository carries: a directory and the digest of each file that is served."""

    path: Text
    files: dict[Text, Digest] = Field(min_length=1)


class Resources(Frozen):
    """What one replica of the server asks for."""

    gpus: int = Field(default=0, ge=0)
    memory: Text | None = None
    cpu: Text | None = None
    gpu_class: Text | None = None


class Serving(Frozen):
    """The server side: engine, image by digest, and its arguments."""

    engine: EngineName
    image: Text | None = None
    arguments: Arguments = {}
    adapter: Text | None = Field(
        default=None, description="The LoRA adapter that answers, by the name under which the arguments load it."
    )
    resources: Resources = Resources()
    concurrency: int = Field(default=32, gt=0, le=1024, description="The most calls in flight during an eval.")


class Price(Frozen):
    """Price in US dollars: per million tokens, and of one GPU hour."""

    input_per_million: float = Field(default=0, ge=0)
    output_per_million: float = Field(default=0, ge=0)
    gpu_hour: float = Field(default=0, ge=0)


class Model(FileModel):
    """`models/<name>.yaml`."""

    license: Text
    source: HubSource | PathSource
    context: int = Field(gt=0, description="The most tokens of prompt and answer together.")
    serving: Serving
    price: Price = Price()
    stand_in: Name | None = Field(default=None, description="A model of this repository that may answer in its place.")
    training: dict[str, Any] | None = Field(default=None, description="The recipe, where this repository trains it.")

    @property
    def embedded(self) -> bool:
        """Whether the repository itself carries the weights."""
        return isinstance(self.source, PathSource)
