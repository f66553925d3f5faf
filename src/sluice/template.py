"""Prompt rendering: sandboxed Jinja2 over declared inputs. Values are data and never rendered twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, wraps
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError, meta, nodes, pass_environment
from jinja2.compiler import CodeGenerator
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.filters import do_indent, do_round, make_attrgetter
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sluice.errors import SluiceError

SEMANTICS = 1
"""Raised only when the golden vectors of the renderer change; part of every closure."""

MAX_TEMPLATE_CHARACTERS = 100_000
MAX_NESTED_LOOPS = 2
MAX_RENDERED_CHARACTERS = 1_000_000
"""The longest text, and the longest value on the way to it; far beyond every context window."""
_MOST_PADDING = 100
_SAFE_FILTERS = (
    "capitalize", "default", "first", "indent", "int", "join", "last", "length", "list", "lower", "map",
    "replace", "reverse", "round", "selectattr", "rejectattr", "sort", "string", "title", "tojson", "trim", "truncate",
    "unique", "upper",
)  # fmt: skip
_FORBIDDEN = (
    nodes.Import, nodes.FromImport, nodes.Include, nodes.Extends, nodes.Macro, nodes.CallBlock, nodes.Call, nodes.Pow,
    nodes.Mul, nodes.Mod, nodes.FilterBlock, nodes.AssignBlock,
)  # fmt: skip


class TemplateProblem(SluiceError):
    """A template that cannot be compiled or rendered; `line` counts from 1 within the template."""

    def __init__(self, message: str, line: int = 1) -> None:
        self.line = line
        super().__init__(message)


class _TooLong(TemplateRuntimeError):
    """A text that outgrows its bound; raised before it is made."""

    def __init__(self) -> None:
        super().__init__(f"the text grows beyond {MAX_RENDERED_CHARACTERS:,} characters")


def _bounded(length: int) -> int:
    if length > MAX_RENDERED_CHARACTERS:
        raise _TooLong
    return length


def _length(value: Any) -> int:
    """Return about the characters that a value takes as text, an item that stands twice counted twice."""
    if isinstance(value, str):
        return _bounded(len(value))
    if isinstance(value, Mapping):
        return _total(part for item in value.items() for part in item)
    return _total(value) if isinstance(value, list | tuple | set) else 1


def _total(items: Iterable[Any]) -> int:
    total = 0
    for item in items:
        total = _bounded(total + _length(item) + 1)
    return total


def _held(value: Any) -> Any:
    """Return a value that is bounded; what a filter yields bit by bit is collected first."""
    if isinstance(value, Iterator):
        collected: list[Any] = []
        total = 0
        for item in value:
            total = _bounded(total + _length(item) + 1)
            collected.append(item)
        return collected
    _length(value)
    return value


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Bound what goes into a filter; none of those below makes more than a few times as much of it."""
    # Some filters get the environment or the context first.
    given = int(hasattr(function, "jinja_pass_arg"))

    @wraps(function)
    def guarded(*values: Any, **options: Any) -> Any:
        held = map(_held, values[given:])
        return function(*values[:given], *held, **{name: _held(value) for name, value in options.items()})

    return guarded


def _replace(text: Any, old: Any, new: Any, count: int | None = None) -> str:
    whole, before, after = str(text), str(old), str(new)
    places = whole.count(before) if count is None or count < 0 else min(count, whole.count(before))
    _bounded(len(whole) + places * max(0, len(after) - len(before)))
    return whole.replace(before, after, -1 if count is None else count)


def _joined(parts: Iterable[Any]) -> str:
    texts = list(map(str, parts))
    _total(texts)
    return "".join(texts)


@pass_environment
def _join(environment: Environment, value: Iterable[Any], d: Any = "", attribute: str | int | None = None) -> str:
    items = value if attribute is None else map(make_attrgetter(environment, attribute), value)
    texts, between = list(map(str, _held(items))), str(d)
    _bounded(_total(texts) + len(texts) * len(between))
    return between.join(texts)


def _indent(text: str, width: int = 4, first: bool = False, blank: bool = False) -> str:
    _bounded(len(text) + (text.count("\n") + 1) * abs(_small(width)))
    return do_indent(text, width, first, blank)


def _round(value: float, precision: int = 0, method: Any = "common") -> float:
    return do_round(value, _small(precision), method)


def _tojson(value: Any, indent: int | None = None) -> str:
    """JSON as it is: Jinja's own filter escapes for HTML, which a model would read."""
    if indent is None:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    encoder = json.JSONEncoder(ensure_ascii=False, sort_keys=True, indent=_small(indent))
    return "".join(_held(encoder.iterencode(value)))


def _small(number: int) -> int:
    # Widths come from templates: a large one would fill the memory.
    if not isinstance(number, int) or abs(number) > _MOST_PADDING:
        raise ValueError(f"a width or precision is a whole number up to {_MOST_PADDING}")
    return number


class _Generator(CodeGenerator):
    """Compiles `~` to a call that bounds its result."""

    def visit_Concat(self, node: nodes.Concat, frame: Any) -> None:  # noqa: N802 - the name is Jinja's
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, with a bound on every text and list that operators and filters make."""

    intercepted_binops = frozenset({"+"})
    code_generator_class = _Generator
    joined = staticmethod(_joined)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Bound a sum of texts or lists before it is made."""
        _bounded(_length(left) + _length(right))
        return super().call_binop(context, operator, left, right)


def _finalized(value: Any) -> Any:
    _length(value)
    return value


def _environment() -> ImmutableSandboxedEnvironment:
    # Prompts are plain text, not HTML: escaping would change what the model reads.
    environment = _Environment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        finalize=_finalized,
    )
    own = {"indent": _indent, "join": _join, "replace": _replace, "round": _round, "tojson": _tojson}
    filters = {name: environment.filters[name] for name in _SAFE_FILTERS} | own
    environment.filters = {name: _guarded(function) for name, function in filters.items()}
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
            return "".join(_held(self._template.generate(variables)))
        except (TemplateError, SecurityError) as error:
            raise TemplateProblem(str(error.message or error)) from None
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise TemplateProblem(f"{type(error).__name__}: {error}") from None
        except RecursionError:
            raise TemplateProblem("a value is nested too deeply") from None


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
