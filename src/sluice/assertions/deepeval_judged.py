"""DeepEval's judged metrics and a suite's own `BaseMetric`, one metric object a case, on a judge of this repository."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.assertions.deepeval import PREFIX, VERSION, library, require_deepeval
from sluice.assertions.json_text import NotJson, find_objects, parse_json
from sluice.assertions.model import (
    Asking,
    AssertionConfigError,
    AssertionProblem,
    AssertionType,
    Check,
    Question,
    Score,
    Subject,
    shown,
    verdict,
)
from sluice.assertions.options import threshold
from sluice.assertions.time_limit import SECONDS, TimeLimitReached, limited
from sluice.assertions.values import Data
from sluice.errors import nearest
from sluice.schema import Assertion

INPUT = "prompt"
"""The one input of a judge that DeepEval's metrics ask: their own text, whole."""
_EXACT = ("ExactMatchMetric", "PatternMatchMetric")
_TEXTS = ("input", "expected_output")
_LISTS = ("context", "retrieval_context")
_OPTIONS = (
    "advice_types", "assessment_questions", "domain", "include_reason", "n", "penalize_ambiguous_claims",
    "prompt_instructions", "role", "strict_mode", "truths_extraction_limit",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Metric:
    """A metric of DeepEval: the fields of a case and the options that it needs, and how often it asks its judge."""

    name: str
    rounds: int
    fields: tuple[str, ...] = ("input",)
    options: tuple[str, ...] = ()


_RETRIEVED = ("input", "retrieval_context")
METRICS = (
    _Metric("AnswerRelevancyMetric", 3),
    _Metric("BiasMetric", 3),
    _Metric("ContextualPrecisionMetric", 2, (*_RETRIEVED, "expected_output")),
    _Metric("ContextualRecallMetric", 2, (*_RETRIEVED, "expected_output")),
    _Metric("ContextualRelevancyMetric", 3, _RETRIEVED),
    _Metric("FaithfulnessMetric", 4, _RETRIEVED),
    _Metric("GEval", 1, ()),
    _Metric("HallucinationMetric", 2, ("input", "context")),
    _Metric("MisuseMetric", 3, options=("domain",)),
    _Metric("NonAdviceMetric", 3, options=("advice_types",)),
    _Metric("PIILeakageMetric", 3),
    _Metric("PromptAlignmentMetric", 2, options=("prompt_instructions",)),
    _Metric("RoleViolationMetric", 3, options=("role",)),
    _Metric("SummarizationMetric", 6),
    _Metric("ToxicityMetric", 3),
)
_REFUSED = (
    "ArgumentCorrectnessMetric", "ConversationCompletenessMetric", "ConversationalDAGMetric", "ConversationalGEval",
    "DAGMetric", "GoalAccuracyMetric", "JsonCorrectnessMetric", "KnowledgeRetentionMetric", "MCPTaskCompletionMetric",
    "MCPUseMetric", "PlanAdherenceMetric", "PlanQualityMetric", "RoleAdherenceMetric", "StepEfficiencyMetric",
    "TaskCompletionMetric", "ToolCorrectnessMetric", "ToolUseMetric", "TopicAdherenceMetric", "TurnFaithfulnessMetric",
    "TurnRelevancyMetric",
)  # fmt: skip
"""They judge a conversation, a trace or a graph of decisions, and a case here is one answer."""


def _compile(metric: _Metric) -> Callable[[Assertion, Mapping[str, Any]], Check]:
    def compile_metric(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
        case, options = _value(assertion)
        _refuse_missing(assertion, metric, case, options)
        if assertion.judge is None:
            raise AssertionConfigError(f"{assertion.type} needs a judge: a prompt whose one input is `prompt`", "judge")
        require_deepeval()
        if metric.name == "GEval":
            # DeepEval names the fields that a GEval sees; they are those that the case has.
            options |= {"name": assertion.metric, "evaluation_steps": list(assertion.steps), "_seen": tuple(case)}

        def make(library_: Any, arguments: Mapping[str, Any]) -> Any:
            return getattr(library_.metrics, metric.name)(**_known(library_, arguments))

        return _check(assertion, case, options, make, metric.rounds)

    return compile_metric


def compile_own(name: str) -> Callable[[Assertion, Mapping[str, Any]], Check]:
    """Return the compiler of a `BaseMetric` that a suite's own file defines."""

    def compile_metric(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
        own = {key: item for key, item in functions.items() if inspect.isclass(item)}
        if name not in own:
            known = [PREFIX + one for one in (*own, *_EXACT, *(metric.name for metric in METRICS))]
            raise AssertionConfigError(
                f"no metric {name!r} of DeepEval, and no class of that name in the suite's own .py file; "
                f"{nearest(PREFIX + name, known)}",
                "type",
            )
        require_deepeval()
        case, options = _value(assertion, any_option=True)

        def make(library_: Any, arguments: Mapping[str, Any]) -> Any:
            if not issubclass(own[name], library_.metrics.BaseMetric):
                raise AssertionProblem(f"{name} is no BaseMetric of DeepEval")
            return own[name](**arguments)

        return _check(assertion, case, options, make, 1)

    return compile_metric


def _value(assertion: Assertion, *, any_option: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split the value into the fields of a test case and the metric's options."""
    value = {} if assertion.value is None else assertion.value
    if not isinstance(value, dict):
        raise AssertionConfigError(
            f"the value is a mapping: {', '.join((*_TEXTS, *_LISTS))} of the case, and options of the metric", "value"
        )
    case = {name: item for name, item in value.items() if name in (*_TEXTS, *_LISTS)}
    options = {name: item for name, item in value.items() if name not in case}
    unknown = next((name for name in options if name not in _OPTIONS), None)
    if unknown is not None and not any_option:
        known = (*_TEXTS, *_LISTS, *_OPTIONS)
        raise AssertionConfigError(f"{assertion.type} takes no {unknown!r}; {nearest(unknown, known)}", "value")
    return case, options


def _refuse_missing(assertion: Assertion, metric: _Metric, case: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    missing = [name for name in metric.fields if name not in case]
    missing += [name for name in metric.options if name not in options]
    if missing:
        raise AssertionConfigError(f"{assertion.type} needs {', '.join(missing)} in its value", "value")
    if (metric.name == "GEval") != bool(assertion.steps):
        told = "needs steps" if metric.name == "GEval" else "takes no steps"
        raise AssertionConfigError(f"{assertion.type} {told}", "steps")
    if assertion.repeats > 1:
        raise AssertionConfigError("DeepEval's metrics are asked once; remove repeats", "repeats")


Make = Callable[[Any, Mapping[str, Any]], Any]


def _check(assertion: Assertion, case: Mapping[str, Any], options: Mapping[str, Any], make: Make, rounds: int) -> Check:
    data = Data.of(dict(case))
    arguments = dict(options)
    if assertion.threshold is not None:
        arguments["threshold"] = threshold(assertion, None, "the least score that passes", high=1)

    def judge(subject: Subject) -> Score:
        if not subject.output:
            return verdict(False, "the output is empty")
        fields = _fields(data.build(subject.row))
        return _measured(assertion, subject, fields, arguments, make)

    asking = None
    if assertion.judge is not None:
        given = frozenset({INPUT})
        asking = Asking(assertion.judge, 1, given, given, (), rounds=rounds)
    return Check(judge, data.fields, asking=asking)


def _fields(case: Mapping[str, Any]) -> dict[str, Any]:
    """Return a case as DeepEval takes it: texts, and lists of texts; of a passage the `text`."""
    fields = {name: str(case[name]) for name in _TEXTS if name in case}
    return fields | {name: _texts(case[name]) for name in _LISTS if name in case}


def _texts(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [str(item["text"]) if isinstance(item, dict) and "text" in item else str(item) for item in items]


def _measured(
    assertion: Assertion, subject: Subject, fields: Mapping[str, Any], options: Mapping[str, Any], make: Make
) -> Score:
    """Measure one case by a metric object of its own, step by step in this thread."""
    library_ = library()
    arguments = dict(options)
    if assertion.judge is not None:
        arguments |= {"model": _judge(library_, assertion.judge, subject)}
    test_case = library_.LLMTestCase(**{"input": "", **fields, "actual_output": subject.output})
    try:
        with warnings.catch_warnings():
            # Some metrics announce at each construction that their scores have turned round; VERSION says which way.
            warnings.simplefilter("ignore", DeprecationWarning)
            metric = make(library_, arguments)
            metric.async_mode = False
            limited(lambda: metric.measure(test_case, _show_indicator=False), SECONDS)
    except AssertionProblem:
        raise
    except TimeLimitReached:
        raise AssertionProblem(f"{assertion.type} took longer than {SECONDS:g} s") from None
    except Exception as error:
        raise AssertionProblem(f"DeepEval failed: {type(error).__name__}: {error}") from error
    score = metric.score
    if metric.error is not None or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise AssertionProblem(f"DeepEval gave no score from 0 to 1: {metric.error or score!r}")
    return Score(float(score), bool(metric.is_successful()), str(metric.reason or f"DeepEval scores {score:g}"))


def _known(library_: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Replace what a GEval sees by DeepEval's names for it."""
    known = {name: value for name, value in arguments.items() if name != "_seen"}
    if "_seen" in arguments:
        fields = ("actual_output", *arguments["_seen"])
        known["evaluation_params"] = [library_.SingleTurnParams[name.upper()] for name in fields]
    return known


def _judge(library_: Any, name: str, subject: Subject) -> Any:
    """Return a judge as DeepEval takes one, which asks ours."""

    class Judge(library_.DeepEvalBaseLLM):  # type: ignore[misc]
        """Answers in the schema that a metric asks for."""

        def load_model(self) -> Any:
            return None

        def generate(self, prompt: str, schema: Any = None) -> Any:
            if subject.ask is None:
                raise AssertionProblem("this asks a judge, and there is none here")
            [reply] = subject.ask([Question(name, {INPUT: prompt})])
            return reply.text if schema is None else _in_schema(reply.text, schema)

        async def a_generate(self, prompt: str, schema: Any = None) -> Any:
            return self.generate(prompt, schema)

        def get_model_name(self) -> str:
            return name

    return Judge(name)


def _in_schema(text: str, schema: Any) -> Any:
    """Return an answer in a metric's own schema; one that does not follow it is an error, never a zero."""
    try:
        found = [parse_json(text)]
    except NotJson:
        found = list(find_objects(text))
    try:
        [data] = found
        return schema.model_validate(data)
    except ValueError:
        raise AssertionProblem(f"the judge's answer is no {schema.__name__}: {shown(text)}", "judge_parse") from None


def _refuse(name: str) -> Callable[[Assertion, Mapping[str, Any]], Check]:
    def refuse(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
        raise AssertionConfigError(
            f"{name} judges a conversation, a trace or a graph of decisions, and a case here is one answer; metrics of "
            "one answer: " + ", ".join(PREFIX + metric.name for metric in METRICS),
            "type",
        )

    return refuse


TYPES = (
    *(
        AssertionType(
            PREFIX + metric.name,
            f"DeepEval {VERSION}'s {metric.name} on a judge of this repository",
            "continuous",
            1,
            _compile(metric),
        )
        for metric in METRICS
    ),
    *(
        AssertionType(PREFIX + name, f"DeepEval's {name}: not of one answer", "continuous", 0, _refuse(name))
        for name in _REFUSED
    ),
)
"""Known besides the registry: their vectors are DeepEval's own scores."""


def find_judged(name: str) -> AssertionType | None:
    """Return a judged metric of DeepEval, or what stands for a class of the suite's own file."""
    found = next((item for item in TYPES if item.name == name), None)
    own = name.removeprefix(PREFIX)
    if found is None and name.startswith(PREFIX) and own.isidentifier():
        return AssertionType(
            name, f"the suite's own {own}, a BaseMetric of DeepEval", "continuous", 1, compile_own(own)
        )
    return found
