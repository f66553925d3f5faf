"""Prompt rendering: sandboxed Jinja2 over declared inputs. Values are data and never rendered twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import do_indent, do_round
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sluice.errors import SluiceError

SEMANTICS = 1
"""Raised only when the golden vectors of the renderer change; part of every closure."""

MAX_TEMPLATE_CHARACTERS = 100_000
MAX_NESTED_LOOPS = 2
_MOST_PADDING = 100
_SAFE_FILTERS = (
    "capitalize", "default", "first", "indent", "int", "join", "last", "length", "list", "lower", "map",
    "replace", "reverse", "round", "selectattr", "rejectattr", "sort", "string", "title", "tojson", "trim", "truncate",
    "unique", "upper",
)  # fmt: skip
_FORBIDDEN = (
    nodes.Import, nodes.FromImport, nodes.Include, nodes.Extends, nodes.Macro, nodes.CallBlock, nodes.Call, nodes.Pow,
    nodes.Mul, nodes.Mod, nodes.FilterBlock,
)  # fmt: skip


class TemplateProblem(SluiceError):
    """A template that cannot be compiled or rendered; `line` counts from 1 within the template."""

    def __init__(self, message: str, line: int = 1) -> None:
        self.line = line
        super().__init__(message)


def _indent(text: str, width: int = 4, first: bool = False, blank: bool = False) -> str:
    return do_indent(text, _small(width), first, blank)


def _round(value: float, precision: int = 0, method: Any = "common") -> float:
    return do_round(value, _small(precision), method)


def _tojson(value: Any, indent: int | None = None) -> str:
    """JSON as it is: Jinja's own filter escapes for HTML, which a model would read."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=None if indent is None else _small(indent))


def _small(number: int) -> int:
    # Widths come from templates: a large one would fill the memory.
    if not isinstance(number, int) or abs(number) > _MOST_PADDING:
        raise ValueError(f"a width or precision is a whole number up to {_MOST_PADDING}")
    return number


def _environment() -> ImmutableSandboxedEnvironment:
    # Prompts are plain text, not HTML: escaping would change what the model reads.
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.filters = {name: environment.filters[name] for name in _SAFE_FILTERS}
    environment.filters |= {"indent": _indent, "round": _round, "tojson": _tojson}
    environment.globals.clear()
    return environment


_ENVIRONMENT = _environment()


class CompiledTemplate:
    """A template that was checked once and renders many rows."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_TEMPLATE_CHARACTERS:
            raise TemplateProblem(
                f"the template has {len(text)} characters; at most {MAX_TEMPLATE_CHARACTERS} are read"
            )
        try:
            tree = _ENVIRONMENT.parse(text)
            _refuse_unsafe(tree)
            self.fields = frozenset(meta.find_undeclared_variables(tree))
            self.first_use = _first_use(tree, self.fields)
            self._template = _ENVIRONMENT.from_string(text)
        except TemplateProblem:
            raise
        except TemplateError as error:
            raise TemplateProblem(str(error.message or error), getattr(error, "lineno", 1)) from None
        except RecursionError:
            raise TemplateProblem("the template is nested too deeply") from None
        self._constant = text if "{" not in text else None

    def render(self, variables: Mapping[str, Any]) -> str:
        """Return the text; raise TemplateProblem naming a missing variable or a refused operation."""
        if self._constant is not None:
            return self._constant
        try:
            return self._template.render(variables)
        except (TemplateError, SecurityError) as error:
            raise TemplateProblem(str(error.message or error)) from None
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise TemplateProblem(f"{type(error).__name__}: {error}") from None


def _first_use(tree: nodes.Template, fields: frozenset[str]) -> dict[str, int]:
    """Return the line (from 1) on which each undeclared variable stands first."""
    lines: dict[str, int] = {}
    for name in tree.find_all(nodes.Name):
        if name.name in fields:
            lines[name.name] = min(name.lineno, lines.get(name.name, name.lineno))
    return lines


def _refuse_nested_loops(node: nodes.Node, depth: int = 0) -> None:
    depth += isinstance(node, nodes.For)
    if depth > MAX_NESTED_LOOPS:
        raise TemplateProblem(f"loops are nested more than {MAX_NESTED_LOOPS} deep", node.lineno)
    for child in node.iter_child_nodes():
        _refuse_nested_loops(child, depth)


def _refuse_unsafe(tree: nodes.Template) -> None:
    for node in tree.find_all(_FORBIDDEN):
        raise TemplateProblem(f"{type(node).__name__.lower()} is not part of prompt templates", node.lineno)
    for attribute in tree.find_all(nodes.Getattr):
        if attribute.attr.startswith("_"):
            raise TemplateProblem(f"attribute {attribute.attr!r} is private", attribute.lineno)
    _refuse_nested_loops(tree)


@lru_cache(maxsize=4096)
def compile_template(text: str) -> CompiledTemplate:
    """Compile and check a template; equal texts are compiled once."""
    return CompiledTemplate(text)


def render_value(template: str, variables: Mapping[str, Any]) -> str:
    """Render one templated value of a suite with a row's fields."""
    return compile_template(template).render(variables)
