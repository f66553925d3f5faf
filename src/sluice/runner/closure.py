"""The closure of a suite: everything its result depends on, part by part, so that a difference can be named."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluice import template
from sluice.assertions import REGISTRY
from sluice.catalog import Catalog
from sluice.digest import digest
from sluice.retrieval import retrieval_content
from sluice.runner.engine import Engine
from sluice.schema import Assertion, Model, PathSource, Suite

PARTS: dict[str, str] = {
    "messages": "the prompt's messages",
    "parameters": "the sampling parameters",
    "inputs": "the prompt's inputs",
    "output": "the output contract",
    "retrieval": "the passages' corpus or its search",
    "weights": "the model's weights",
    "serving": "the serving arguments",
    "engine": "the engine",
    "rows": "the dataset's rows",
    "grouping": "the dataset's slices or clusters",
    "assertions": "the assertions",
    "code": "the suite's own code",
    "must_pass": "the must-pass list",
    "repeats": "the repeats",
    "semantics": "the meaning of built-in assertions or templates",
}
"""Part of a closure -> its name for people. A suite that retrieves nothing has no part `retrieval`."""

MODEL_PARTS = ("weights", "serving", "engine")
JUDGING_PARTS = ("rows", "grouping", "assertions", "code", "repeats", "semantics")
"""Parts that decide how outputs are judged; an edit to one is judged in two steps (GATE 12)."""


@dataclass(frozen=True, slots=True)
class Closure:
    """The digests of all parts of one suite at one revision."""

    suite: str
    parts: Mapping[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 over all parts."""
        return digest(dict(self.parts))

    @property
    def model(self) -> str:
        """SHA-256 over the parts that answer a request: weights, engine and serving."""
        return digest({part: self.parts[part] for part in MODEL_PARTS})

    def differences(self, other: Closure) -> tuple[str, ...]:
        """Return the parts that differ, in the order of PARTS."""
        return tuple(part for part in PARTS if self.parts.get(part) != other.parts.get(part))


def closure(catalog: Catalog, name: str, engine: Engine, *, retrieves: bool | None = None) -> Closure:
    """Compute the closure of a suite whose references were checked.

    `retrieves` says whether passages are retrieved or the rows' own, where that is not the suite's own choice.
    """
    suite = catalog.suite(name).value
    retrieves = suite.retrieves if retrieves is None else retrieves
    prompt = catalog.prompt(suite.prompt).value
    dataset = catalog.datasets[suite.dataset]
    model = catalog.model(engine.model).value
    contents: dict[str, Any] = {
        "messages": [[message.role, message.content] for message in prompt.messages],
        "parameters": prompt.parameters.model_dump(),
        "inputs": prompt.inputs,
        "output": prompt.output.model_dump(by_alias=True),
        "weights": _weights(model),
        "serving": _serving(model),
        "engine": [engine.name, engine.model],
        "rows": dataset.content_digest,
        "grouping": [dataset.value.id, list(dataset.value.slices), dataset.value.cluster],
        "assertions": _assertions(suite),
        "code": _code_digest(catalog.suite_code.get(name)),
        "must_pass": sorted(suite.must_pass),
        "repeats": suite.repeats,
        "semantics": _semantics(suite.assertions),
    }
    if retrieves and prompt.retrieval is not None:
        contents["retrieval"] = retrieval_content(catalog, prompt.retrieval)
    return Closure(name, {part: digest(contents[part]) for part in PARTS if part in contents})


def _assertions(suite: Suite) -> list[dict[str, Any]]:
    contents = [assertion.content for assertion in suite.assertions]
    return [*contents, {"score": suite.score.model_dump()}] if suite.score else contents


def _serving(model: Model) -> list[Any]:
    serving = model.serving
    content = [serving.engine, serving.image, dict(serving.arguments), model.context]
    # Only where there is one, so that what was judged without adapters keeps its digest.
    return content if serving.adapter is None else [*content, serving.adapter]


def weights_digest(model: Model) -> str:
    """Return the digest of a model's weights, by which releases name them too."""
    return digest(_weights(model))


def _weights(model: Model) -> Any:
    if isinstance(model.source, PathSource):
        return dict(model.source.files)
    return [model.source.hub, model.source.revision]


def _code_digest(source: bytes | None) -> str | None:
    """Digest the syntax tree, so that comments and layout do not change it."""
    if source is None:
        return None
    try:
        content = ast.dump(ast.parse(source)).encode()
    except (SyntaxError, ValueError):
        content = source
    return hashlib.sha256(content).hexdigest()


def _semantics(assertions: tuple[Assertion, ...]) -> dict[str, int]:
    numbers = {"template": template.SEMANTICS}
    for assertion in (one for outer in assertions for one in (outer, *outer.assertions)):
        name = assertion.type.removeprefix("not-")
        if name in REGISTRY:
            numbers[name] = REGISTRY[name].semantics
    return numbers
