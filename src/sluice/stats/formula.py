"""Formulas over named numbers: what derived metrics are written in. Arithmetic, a few functions, and nothing else."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

MAX_CHARACTERS = 500
_OPERATORS: dict[type[ast.AST], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs, "exp": math.exp, "log": math.log, "log10": math.log10, "max": max, "min": min, "pow": math.pow,
    "sqrt": math.sqrt,
}  # fmt: skip


class FormulaError(ValueError):
    """A formula that cannot be read."""


class Formula:
    """A formula that was checked once; `names` are the numbers that it needs. `^` is a power."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_CHARACTERS:
            raise FormulaError(f"the formula has more than {MAX_CHARACTERS} characters")
        try:
            self._tree = ast.parse(text.strip().replace("^", "**"), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise FormulaError(f"{text!r} is no formula") from None
        self.names = frozenset(_names(self._tree))

    def __call__(self, numbers: Mapping[str, float]) -> float | None:
        """Return the value, or None where it is not defined (a division by zero, a number that is not there)."""
        try:
            value = _value(self._tree, numbers)
        except (ArithmeticError, KeyError, TypeError, ValueError):
            return None
        return value if math.isfinite(value) else None


def _names(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return set()
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _names(node.left) | _names(node.right)
    if isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
        return _names(node.operand)
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS
    if called and isinstance(node, ast.Call) and node.args and not node.keywords:
        return set().union(*map(_names, node.args))
    raise FormulaError(f"`{ast.unparse(node)}` is more than arithmetic and {', '.join(_FUNCTIONS)}")


def _value(node: Any, numbers: Mapping[str, float]) -> float:
    if isinstance(node, ast.Name):
        return numbers[node.id]
    if isinstance(node, ast.Constant):
        return float(str(node.value))
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_value(node.left, numbers), _value(node.right, numbers))
    if isinstance(node, ast.UnaryOp):
        return _OPERATORS[type(node.op)](_value(node.operand, numbers))
    return _FUNCTIONS[node.func.id](*(_value(one, numbers) for one in node.args))
