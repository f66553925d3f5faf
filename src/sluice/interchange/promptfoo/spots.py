"""A value of a promptfoo file together with the place it came from, so that every refusal can point at it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sluice.catalog.yaml_file import KeyPath, YamlFile
from sluice.errors import Finding, Severity, nearest


@dataclass(frozen=True, slots=True)
class Spot:
    """`value` at `keys` of a file; `label` is how promptfoo would call it (`tests[3].assert[0]`)."""

    path: str
    value: Any
    findings: list[Finding] = field(repr=False)
    source: YamlFile | None = None
    keys: KeyPath = ()
    label: str = ""
    line: int = 1

    def child(self, key: str | int) -> Spot:
        """Return the value below a key or index."""
        part = f"[{key}]" if isinstance(key, int) else f".{key}"
        label = (self.label + part).lstrip(".")
        return Spot(self.path, self.value[key], self.findings, self.source, (*self.keys, key), label, self.line)

    def get(self, key: str) -> Spot | None:
        """Return the value below a key of a mapping, or None where it is absent or null."""
        return self.child(key) if isinstance(self.value, dict) and self.value.get(key) is not None else None

    def items(self) -> Iterator[Spot]:
        """Yield the values of a list."""
        for index in range(len(self.value)):
            yield self.child(index)

    def with_value(self, value: Any) -> Spot:
        """Return the same place with another value."""
        return Spot(self.path, value, self.findings, self.source, self.keys, self.label, self.line)

    def report(
        self, rule: str, found: str, expected: str, fix: str, severity: Severity = "error", *, key: bool = False
    ) -> None:
        """Add a finding at this place; its text starts with the label."""
        line, column = (self.line, 1)
        if self.source is not None:
            line, column = self.source.key_place(self.keys) if key else self.source.place(self.keys)
        said = f"{self.label}: {found}" if self.label else found
        self.findings.append(Finding(self.path, line, column, rule, said, expected, fix, severity))

    def refuse(self, reason: str, fix: str = "leave it out, or write it anew here") -> None:
        """Say that something is not imported, and why."""
        self.report("import-unsupported", reason, "what can be kept with the same meaning", fix)

    def note(self, found: str, expected: str, fix: str) -> None:
        """Say what a person should look at; the import goes on."""
        self.report("import-note", found, expected, fix, "warning")

    def check_keys(
        self, known: Iterable[str], ignored: Iterable[str] = (), refused: dict[str, str] | None = None
    ) -> None:
        """Report keys of a mapping that are refused (with the reason) or unknown."""
        reasons = refused or {}
        names = {*known, *ignored, *reasons}
        for key in self.value:
            if key in reasons:
                self.child(key).refuse(f"{key} is not imported: {reasons[key]}")
            elif key not in names:
                fix = "correct or remove the key"
                self.child(key).report("import-unknown-key", f"key {key!r}", nearest(str(key), names), fix, key=True)
