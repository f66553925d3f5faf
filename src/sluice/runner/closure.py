"""The closure of a suite: everything its result depends on, part by part, so that a difference can be named."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluice import template
from sluice.assertions import REGISTRY, deepeval
from sluice.catalog import Catalog
from sluice.digest import digest
from sluice.errors import CannotJudge
from sluice.retrieval import retrieval_content
from sluice.runner.engine import Engine, choose_engine
from sluice.schema import Assertion, Model, PathSource, Prompt, Suite

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
    "judges": "the judge",
    "code": "the suite's own code",
    "must_pass": "the must-pass list",
    "repeats": "the repeats",
    "semantics": "the meaning of built-in assertions or templates",
}
"""Part of a closure -> its name for people. A suite without retrieval, or without a judge, has no such part."""

MODEL_PARTS = ("weights", "serving", "engine")
JUDGING_PARTS = ("rows", "grouping", "assertions", "judges", "code", "repeats", "semantics")
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

    def judged_by(self, other: Closure) -> Closure:
        """Return the same prompt and model under the cases and assertions of another closure (GATE 12)."""
        kept = {part: content for part, content in self.parts.items() if part not in JUDGING_PARTS}
        taken = {part: other.parts[part] for part in JUDGING_PARTS if part in other.parts}
        return Closure(other.suite, {**kept, **taken})

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
    contents: dict[str, Any] = {
        **_prompt_contents(prompt),
        **_model_contents(catalog, engine),
        "rows": dataset.content_digest,
        "grouping": [dataset.value.id, list(dataset.value.slices), dataset.value.cluster],
        "assertions": _assertions(suite),
        "code": _code_digest(catalog.suite_code.get(name)),
        "must_pass": sorted(suite.must_pass),
        "repeats": suite.repeats,
        "semantics": _semantics(suite.assertions),
    }
    if suite.judges:
        contents["judges"] = {judge: judge_closure(catalog, judge).digest for judge in suite.judges}
    if retrieves and prompt.retrieval is not None:
        contents["retrieval"] = retrieval_content(catalog, prompt.retrieval)
    return Closure(name, {part: digest(contents[part]) for part in PARTS if part in contents})


@dataclass(frozen=True, slots=True)
class JudgeClosure:
    """What one judge's answers depend on: its prompt, and the model that answers on its engine."""

    name: str
    engine: Engine
    parts: Mapping[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 over all parts: a judge is known, and calibrated, by it."""
        return digest(dict(self.parts))

    @property
    def model(self) -> str:
        """SHA-256 over the parts that answer a request, as of a suite's closure."""
        return digest({part: self.parts[part] for part in MODEL_PARTS})


def judge_closure(catalog: Catalog, name: str) -> JudgeClosure:
    """Compute the closure of a judge whose references were checked."""
    prompt = catalog.prompt(name).value
    engine = judging_engine(catalog, prompt.model)
    contents = {**_prompt_contents(prompt), **_model_contents(catalog, engine), "semantics": template.SEMANTICS}
    return JudgeClosure(name, engine, {part: digest(content) for part, content in contents.items()})


def judging_engine(catalog: Catalog, model: str) -> Engine:
    """Return the engine that answers for a judge's model here, else the one that its file names.

    Who only reads what was judged (a release) needs the closure, and no server.
    """
    try:
        return choose_engine(catalog, model)
    except CannotJudge:
        return Engine(catalog.model(model).value.serving.engine, model)


def _prompt_contents(prompt: Prompt) -> dict[str, Any]:
    return {
        "messages": [[message.role, message.content] for message in prompt.messages],
        "parameters": prompt.parameters.model_dump(),
        "inputs": prompt.inputs,
        "output": prompt.output.model_dump(by_alias=True),
    }


def _model_contents(catalog: Catalog, engine: Engine) -> dict[str, Any]:
    model = catalog.model(engine.model).value
    return {
        "weights": _weights(model),
        "serving": _serving(model),
        "engine": [engine.name, engine.model],
    }


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


def _semantics(assertions: tuple[Assertion, ...]) -> dict[str, int | str]:
    numbers: dict[str, int | str] = {"template": template.SEMANTICS}
    for assertion in (one for outer in assertions for one in (outer, *outer.assertions)):
        name = assertion.type.removeprefix("not-")
        if name in REGISTRY:
            numbers[name] = REGISTRY[name].semantics
        elif name.startswith(deepeval.PREFIX):
            numbers[name] = deepeval.VERSION
    return numbers
