"""The compiled form of each suite that the rules share. The suite's own code is never run for a check."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from sluice.assertions import AssertionConfigError, CompiledAssertion, When, compile_assertion
from sluice.catalog import Catalog, Entry
from sluice.schema import Assertion, Suite


@dataclass(frozen=True, slots=True)
class BrokenAssertion:
    """An assertion that cannot be compiled."""

    index: int
    error: AssertionConfigError


@dataclass(frozen=True, slots=True)
class SuitePlan:
    """A suite's assertions: by index those that compile, and the errors of the others."""

    entry: Entry[Suite]
    compiled: dict[int, CompiledAssertion]
    errors: tuple[BrokenAssertion, ...]
    code_error: SyntaxError | None
    retrieved: frozenset[str] = frozenset()
    """The field that rows do not give because the prompt retrieves it: no field of the rows to the rules."""

    def of_metric(self, metric: str) -> list[CompiledAssertion]:
        """Return the usable assertions that are reported under a metric."""
        return [assertion for assertion in self.compiled.values() if assertion.metric == metric]

    @property
    def whens(self) -> dict[str, When]:
        """Return each distinct condition once, by its text."""
        return {assertion.when.text: assertion.when for assertion in self.compiled.values() if assertion.when}


def compile_suites(catalog: Catalog) -> dict[str, SuitePlan]:
    """Compile the assertions of every suite."""
    return {
        name: _plan(entry, catalog.suite_code.get(name), _retrieved(catalog, entry.value))
        for name, entry in catalog.suites.items()
    }


def _retrieved(catalog: Catalog, suite: Suite) -> frozenset[str]:
    prompt = catalog.prompts.get(suite.prompt)
    retrieval = prompt.value.retrieval if prompt and suite.retrieves else None
    return frozenset({retrieval.into} if retrieval else ())


def _plan(entry: Entry[Suite], code: bytes | None, retrieved: frozenset[str]) -> SuitePlan:
    module, code_error = None, None
    if code is not None:
        try:
            module = _signatures(code)
        except (SyntaxError, ValueError) as error:
            code_error = error if isinstance(error, SyntaxError) else SyntaxError(str(error))
    compiled, errors = {}, []
    for index, assertion in enumerate(entry.value.assertions):
        try:
            usable = compile_assertion(assertion, suite_code=module)
            in_when = usable.when.fields if usable.when else frozenset[str]()
            compiled[index] = replace(usable, fields=usable.fields - (retrieved - in_when))
        except AssertionConfigError as error:
            if not (code_error and _is_python(assertion)):
                errors.append(BrokenAssertion(index, error))
    return SuitePlan(entry, compiled, tuple(errors), code_error, retrieved)


def _is_python(assertion: Assertion) -> bool:
    return assertion.type.removeprefix("not-") == "python"


def _signatures(code: bytes) -> ModuleType:
    """Return a module with the functions and classes of a suite's file, bodies, defaults and decorators left out.

    What a pull request brings is looked at here, not executed.
    """
    module = ModuleType("suite_code")
    functions = [node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    classes = [node for node in ast.parse(code).body if isinstance(node, ast.ClassDef)]
    tree = ast.Module([*map(_signature, functions), *map(_named, classes)], [])
    exec(compile(ast.fix_missing_locations(tree), "suite_code", "exec", dont_inherit=True), vars(module))  # noqa: S102
    return module


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
    blank: Callable[[Any], Any] = lambda value: value and ast.Constant(None)  # noqa: E731
    arguments = node.args
    for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
        argument.annotation = None
    for rest in (arguments.vararg, arguments.kwarg):
        if rest:
            rest.annotation = None
    arguments.defaults = [ast.Constant(None) for _ in arguments.defaults]
    arguments.kw_defaults = [blank(value) for value in arguments.kw_defaults]
    returns = ast.Constant("bool") if _named_bool(node.returns) else None
    node.body, node.decorator_list, node.returns = [ast.Pass()], [], returns
    return node


def _named(node: ast.ClassDef) -> ast.stmt:
    node.bases, node.keywords, node.decorator_list, node.body = [], [], [], [ast.Pass()]
    return node


def _named_bool(node: ast.expr | None) -> bool:
    return (isinstance(node, ast.Name) and node.id == "bool") or (
        isinstance(node, ast.Constant) and node.value == "bool"
    )
