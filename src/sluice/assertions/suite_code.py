"""The python assertion: a function of the suite's own file, `evals/<suite>.py`, called with (output, row)."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from sluice.assertions.model import (
    AssertionConfigError,
    AssertionProblem,
    AssertionType,
    Check,
    Kind,
    Score,
    Subject,
)
from sluice.assertions.options import threshold
from sluice.assertions.time_limit import SECONDS, TimeLimitReached, limited
from sluice.errors import nearest
from sluice.schema import Assertion

_KEYS = {"score", "passed", "pass", "reason"}
_MOST_LATE = 5
"""Cases over the time limit after which a function is given up for this run."""


def _compile_python(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    function = _function(assertion.value, functions)
    least = None if assertion.threshold is None else threshold(assertion, None, "the least score that passes", high=1)
    name = str(assertion.value)
    call = _Patient(name, function)

    def judge(subject: Subject) -> Score:
        return _score(name, call(subject), least)

    kind: Kind | None = "binary" if _returns_bool(function) and least is None else None
    return Check(_only_bool(name, judge) if kind == "binary" else judge, kind=kind)


class _Patient:
    """Calls a suite's function within its time; one that is late again and again is not called any more."""

    def __init__(self, name: str, function: Callable[[str, dict[str, Any]], Any]) -> None:
        self._name = name
        self._function = function
        self._late = 0

    def __call__(self, subject: Subject) -> Any:
        if self._late >= _MOST_LATE:
            raise AssertionProblem(f"{self._name} took longer than {SECONDS:g} s in {_MOST_LATE} cases; not called")
        try:
            return limited(lambda: self._function(subject.output, dict(subject.row)), SECONDS)
        except TimeLimitReached:
            self._late += 1
            raise AssertionProblem(f"{self._name} took longer than {SECONDS:g} s") from None
        except (Exception, SystemExit) as error:
            raise AssertionProblem(f"{self._name} raised {type(error).__name__}: {error}") from error


def _function(name: Any, functions: Mapping[str, Any]) -> Callable[[str, dict[str, Any]], Any]:
    if not isinstance(name, str) or not name.isidentifier():
        raise AssertionConfigError("the value is the name of a function in the suite's own .py file", "value")
    own = {key: item for key, item in functions.items() if inspect.isfunction(item) and not key.startswith("_")}
    if name not in own:
        raise AssertionConfigError(f"the suite's own .py file has no function {name!r}; {nearest(name, own)}", "value")
    function: Callable[[str, dict[str, Any]], Any] = own[name]
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise AssertionConfigError(f"{name} must be a plain function, neither async nor a generator", "value")
    try:
        inspect.signature(function).bind("output", {})
    except TypeError as error:
        raise AssertionConfigError(f"{name} must take (output, row): {error}", "value") from None
    return function


def _returns_bool(function: Callable[..., Any]) -> bool:
    return function.__annotations__.get("return") in (bool, "bool")


def _only_bool(name: str, judge: Callable[[Subject], Score]) -> Callable[[Subject], Score]:
    def strict(subject: Subject) -> Score:
        score = judge(subject)
        if score.value not in (0.0, 1.0):
            raise AssertionProblem(f"{name} promises bool and returned {score.value:g}")
        return score

    return strict


def _score(name: str, answer: Any, least: float | None) -> Score:
    if isinstance(answer, dict):
        return _from_mapping(name, answer, least)
    value = _number(name, answer)
    passed = value > 0 if least is None or isinstance(answer, bool) else value >= least
    return Score(value, passed, f"{name} returned {answer!r}")


def _from_mapping(name: str, answer: dict[str, Any], least: float | None) -> Score:
    stated = answer.get("passed", answer.get("pass"))
    unknown = set(answer) - _KEYS
    if unknown or not isinstance(stated, bool | None) or (stated is None and "score" not in answer):
        raise AssertionProblem(f"{name} must return score, passed (a bool) and reason; got {answer!r:.120}")
    value = _number(name, answer.get("score", stated))
    passed = stated if stated is not None else value > 0
    if least is not None:
        passed = value >= least and stated is not False
    return Score(value, passed, str(answer.get("reason") or f"{name} returned {value:g}"))


def _number(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= 1:
        raise AssertionProblem(f"{name} must return a bool, a number from 0 to 1 or a mapping; got {value!r:.120}")
    return float(value)


TYPES = (
    AssertionType(
        "python",
        "a function of the suite's own file judges (output, row) and returns a bool, a number from 0 to 1 that passes "
        "from `threshold` (without one: above 0), or {score, passed, reason}; annotate `-> bool` for a binary metric",
        "continuous",
        1,
        _compile_python,
    ),
)
