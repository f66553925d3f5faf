"""User code of `python` assertions: taken over as the suite's own file where a person allows it; never run here."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from sluice.assertions import NEGATION
from sluice.interchange.promptfoo.sources import SCHEME, Sources
from sluice.interchange.promptfoo.spots import Spot
from sluice.interchange.promptfoo.templates import has_syntax

_FILE = re.compile(r"(?P<path>.+?\.py)(?::(?P<function>[A-Za-z_]\w*))?\Z")
_CONTEXT = re.compile(r"\bcontext\s*(?:\[\s*['\"](\w+)['\"]|\.get\(\s*['\"](\w+)['\"])")
_GLUE = '''
def _context(row, config):
    """Return what promptfoo hands to an assertion, as far as a run here knows it."""
    return {{"vars": {{name: row.get(field) for name, field in {names}}}, "config": config}}


def _verdict(answer, threshold, negated):
    """Return promptfoo's reading of an answer: a bool, a number (passes above 0, or from the threshold), a mapping."""
    if isinstance(answer, str):
        answer = {{"true": True, "false": False}}.get(answer.lower(), json.loads(answer))
    if isinstance(answer, bool):
        return answer != negated
    if isinstance(answer, dict):
        score, passed = answer["score"], answer.get("pass", answer.get("pass_"))
        passed = passed and (threshold is None or score >= threshold)
    else:
        score, passed = answer, answer > 0 if threshold is None else answer >= threshold
    reason = answer.get("reason") if isinstance(answer, dict) else None
    return {{"score": float(score), "passed": bool(passed) != negated, "reason": reason or f"returned {{score}}"}}
'''


@dataclass(slots=True)
class Code:
    """Collects the functions that a suite's own file shall have."""

    sources: Sources
    allowed: bool
    files: dict[str, str] = field(default_factory=dict)
    functions: dict[tuple[Any, ...], str] = field(default_factory=dict)
    bodies: list[str] = field(default_factory=list)

    @property
    def module(self) -> ModuleType | None:
        """Functions of the same names that do nothing, for whoever asks whether they are there."""
        if not self.functions:
            return None
        module = ModuleType("imported")
        exec("\n".join(f"def {name}(output, row): ..." for name in self.functions.values()), vars(module))  # noqa: S102
        return module

    def function(self, spot: Spot, name: str) -> tuple[str, bool, str | None]:
        """Return (type, whether it can be kept, the function's name) for a python assertion."""
        place, value = spot.get("value") or spot, spot.value.get("value")
        if not isinstance(value, str) or not value.strip() or has_syntax(value):
            place.refuse("python code that is no fixed text", "write the code, or file://check.py")
            return name, False, None
        call = self._file(place, value) if value.startswith(SCHEME) else self._inline(place, value)
        if call is None:
            return name, False, None
        threshold, config = spot.value.get("threshold"), spot.value.get("config")
        key = (call, json.dumps([threshold, config]), name)
        if key not in self.functions:
            self.functions[key] = f"check_{len(self.functions) + 1}"
            body = f"_verdict({call}(output, _context(row, {config!r})), {threshold!r}, {name.startswith(NEGATION)})"
            self.bodies.append(f"def {self.functions[key]}(output, row):\n    return {body}\n")
        spot.value.pop("threshold", None)
        return "python", True, self.functions[key]

    def _file(self, spot: Spot, reference: str) -> str | None:
        match = _FILE.fullmatch(reference.removeprefix(SCHEME))
        if match is None:
            spot.refuse(f"{reference!r} is no Python file", "write the assertion in Python")
            return None
        for path in self.sources.files(spot, match["path"], code=True):
            source = self.sources.text(spot, path)
            if source is not None and self._sound(spot, source):
                return self._kept(spot, match["path"], source, match["function"] or "get_assert")
        return None

    def _kept(self, spot: Spot, path: str, source: str, function: str) -> str | None:
        own = _defined(source)
        if function not in own:
            spot.report(
                "import-reference", f"no function {function!r} in {path}", "get_assert, or the name after `:`", "add it"
            )
            return None
        for other, text in self.files.items():
            if other != path and (shared := own & _defined(text)):
                spot.refuse(f"{path} and {other} both define {sorted(shared)[0]}", "rename one; a suite has one file")
                return None
        self.files[path] = source
        return function

    def _inline(self, spot: Spot, value: str) -> str | None:
        lines = value.split("\n") if "\n" in value else [f"return {value}"]
        name = f"_inline_{len(self.bodies) + 1}"
        source = "\n".join([f"def {name}(output, context):", *(f"    {line}" for line in lines)]) + "\n"
        known = next(
            (path for path, text in self.files.items() if text.partition("\n")[2] == source.partition("\n")[2]), None
        )
        if known is not None:
            return known
        if not self._sound(spot, source):
            return None
        self.files[name] = source
        return name

    def _sound(self, spot: Spot, source: str) -> bool:
        try:
            ast.parse(source)
        except (SyntaxError, ValueError) as error:
            spot.report("import-value", f"Python that cannot be read: {error}", "valid Python", "mend the code")
            return False
        unknown = {one for match in _CONTEXT.findall(source) for one in match if one} - {"vars", "config"}
        if unknown:
            spot.refuse(f"code that reads context[{sorted(unknown)[0]!r}]", "only vars and config are known here")
        return not unknown

    def text(self, source: str, names: Mapping[str, str]) -> str | None:
        """Return the suite's own file, or None where there is no code."""
        if not self.functions:
            return None
        head = f'"""Assertions in code, imported from {source} (promptfoo)."""\n\nimport json\n'
        files = [
            text if text.startswith("def _inline_") else f"# From {path}\n{text}" for path, text in self.files.items()
        ]
        glue = _GLUE.format(names=repr(sorted(names.items())))
        return "\n\n".join([head, *(text.strip() + "\n" for text in (*files, glue, *self.bodies))])


def _defined(source: str) -> set[str]:
    """Return the names that a file gives at its top."""
    found: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found
