"""The prompt file: messages with declared inputs, sampling parameters and an output contract."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sluice.schema.base import FileModel, Frozen, JsonSchema, Name, Owners, Text


class Parameters(Frozen):
    """Sampling. `temperature: 0` is greedy; anything above is sampled with `seed`."""

    max_tokens: int = Field(gt=0, le=32768)
    temperature: float = Field(default=0, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()

    @property
    def stochastic(self) -> bool:
        """Whether two calls may answer differently on purpose."""
        return self.temperature > 0


class MessageTemplate(Frozen):
    """One message; `content` is a sandboxed Jinja template over the declared inputs."""

    role: Literal["system", "user", "assistant"]
    content: Text


class Retrieval(Frozen):
    """Where passages come from: a search in a corpus by BM25, whose best articles become an input."""

    corpus: Name = Field(description="A dataset whose split is corpus.")
    query: Text = Field(description="What is searched for: a template over the inputs that rows give.")
    into: Name = Field(description="The input that takes the passages; rows do not give it.")
    top: int = Field(default=4, gt=0, le=100, description="The most passages.")
    fields: dict[Text, Text] = Field(
        default={"id": "id", "text": "text"}, min_length=1, description="Field of a passage -> field of the corpus."
    )
    search: tuple[Text, ...] = Field(
        default=("text",), min_length=1, description="The fields of the corpus whose words are searched."
    )
    k1: float = Field(default=1.2, ge=0, le=10, description="How much a word that is repeated counts (BM25).")
    b: float = Field(default=0.75, ge=0, le=1, description="How much long articles are held back (BM25).")

    @property
    def used_fields(self) -> tuple[str, ...]:
        """The fields of the corpus that decide what is retrieved and shown, sorted."""
        return tuple(sorted({*self.fields.values(), *self.search}))


class Output(Frozen):
    """The output contract: free text, or JSON that follows a schema."""

    type: Literal["text", "json"] = "text"
    schema_: JsonSchema | None = Field(default=None, alias="schema")
    constrained: bool = Field(default=False, description="Ask the engine to enforce the schema while decoding.")

    @model_validator(mode="after")
    def _schema_only_for_json(self) -> Output:
        if self.type == "text" and (self.schema_ is not None or self.constrained):
            raise ValueError("a schema belongs to `type: json`")
        return self


class Prompt(FileModel):
    """`prompts/<name>.yaml`."""

    owners: Owners
    model: Name = Field(description="The model file that serves this prompt.")
    parameters: Parameters
    inputs: dict[Name, JsonSchema] = Field(description="Input name -> JSON Schema of its value.")
    messages: Annotated[tuple[MessageTemplate, ...], Field(min_length=1)]
    output: Output = Output()
    retrieval: Retrieval | None = Field(default=None, description="Where passages come from, if not from the rows.")
