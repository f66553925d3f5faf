"""Reads the files that a promptfoo configuration names; only plain files inside the repository are opened."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from sluice.catalog.jsonl_file import read_rows
from sluice.catalog.yaml_file import encoding_finding
from sluice.errors import Finding, UsageError
from sluice.interchange.promptfoo.js_yaml import read_js_yaml
from sluice.interchange.promptfoo.spots import Spot

SCHEME = "file://"
MAX_BYTES = 20_000_000
_DATA = (".yaml", ".yml", ".json")
_CODE = re.compile(r"\.(py|js|cjs|mjs|ts|cts|mts|rb|sh|exe)(:\w+)?$")
_OTHER_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:")


class Sources:
    """Opens files relative to the configuration's directory, and never outside the repository."""

    def __init__(self, config: Path, root: Path, findings: list[Finding]) -> None:
        self.root = root.resolve()
        self.directory = config.resolve().parent
        self.findings = findings

    def open_config(self, path: Path) -> Spot | None:
        """Return the configuration, or None after findings; raise UsageError where it cannot be read."""
        if not path.is_file():
            raise UsageError(f"{path} is no file; name a promptfoo configuration (YAML)")
        return self._data(self._shown(path.resolve()), path.read_bytes())

    def _shown(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.name

    def _data(self, shown: str, data: bytes) -> Spot | None:
        source = read_js_yaml(shown, data)
        self.findings += source.findings
        return None if source.findings else Spot(shown, source.data, self.findings, source)

    def files(self, spot: Spot, reference: str) -> list[Path]:
        """Return the files that a reference (perhaps with `*`) names; problems become findings."""
        name = reference.removeprefix(SCHEME)
        problem = _reference_problem(name)
        if problem:
            spot.refuse(f"{reference!r} {problem}", "name a plain file of this repository by a relative path")
            return []
        found = sorted(self.directory.glob(name)) if "*" in name else [self.directory / name]
        kept = [path for path in found if self._allowed(spot, path)]
        if not found:
            spot.report("import-reference", f"{reference!r} matches no file", "at least one file", "correct the path")
        return kept

    def _allowed(self, spot: Spot, path: Path) -> bool:
        real = path.resolve()
        if not real.is_relative_to(self.root):
            spot.refuse(f"{path.name!r} leads outside the repository", "copy the file into the repository")
        elif not real.is_file():
            spot.report("import-reference", f"no file {path.name!r}", "a plain file", "correct the path")
        elif real.stat().st_size > MAX_BYTES:
            spot.refuse(f"{path.name!r} is larger than {MAX_BYTES} bytes", "split the file")
        else:
            return True
        return False

    def text(self, spot: Spot, path: Path) -> str | None:
        """Return a file's text with line feeds, or None after a finding."""
        data = path.read_bytes()
        problem = encoding_finding(self._shown(path.resolve()), data)
        if problem:
            self.findings.append(problem)
            return None
        return data.decode("utf-8").replace("\r\n", "\n")

    def data(self, path: Path) -> Spot | None:
        """Return the content of a YAML or JSON file, or None after findings."""
        return self._data(self._shown(path.resolve()), path.read_bytes())

    def value(self, spot: Spot, reference: str) -> Any:
        """Return what a `file://` value stands for: data of YAML and JSON files, the text of others."""
        files = self.files(spot, reference)
        if len(files) != 1:
            return None
        if files[0].suffix in _DATA:
            found = self.data(files[0])
            return found.value if found else None
        return self.text(spot, files[0])

    def rows(self, spot: Spot, reference: str, columns: Callable[[Spot], Spot]) -> Iterator[Spot]:
        """Yield the tests of the files that a reference names: YAML, JSON, JSON Lines, or CSV read by `columns`."""
        for path in self.files(spot, reference):
            if path.suffix in _DATA:
                found = self.data(path)
                yield from _listed(found) if found else ()
            elif path.suffix == ".jsonl":
                shown = self._shown(path.resolve())
                for line, row in read_rows(shown, path.read_bytes(), self.findings):
                    yield Spot(shown, row, self.findings, label=f"line {line}", line=line)
            elif path.suffix == ".csv":
                yield from map(columns, self._csv(spot, path))
            else:
                spot.refuse(f"tests in {path.suffix or 'such'} files are not read", "use YAML, JSON, JSON Lines or CSV")

    def _csv(self, spot: Spot, path: Path) -> Iterator[Spot]:
        shown = self._shown(path.resolve())
        text = self.text(spot, path)
        reader = csv.DictReader(io.StringIO(text or "", newline=""), strict=True)
        try:
            for number, row in enumerate(reader, 1):
                place = Spot(shown, row, self.findings, label=f"row {number}", line=reader.line_num)
                if None in row or None in row.values():
                    place.report(
                        "import-value", "more or fewer cells than the header", "one per column", "mend the row"
                    )
                else:
                    yield place
        except csv.Error as error:
            Spot(shown, None, self.findings, line=reader.line_num).report(
                "import-value", f"CSV that cannot be read: {error}", "valid CSV", "mend the line"
            )


def _listed(spot: Spot) -> Iterator[Spot]:
    if isinstance(spot.value, list):
        yield from spot.items()
    else:
        yield spot


def _reference_problem(name: str) -> str | None:
    pure = PurePosixPath(name)
    if _CODE.search(name):
        return "is code, which an import never runs"
    if pure.is_absolute() or name.startswith("~") or _OTHER_SCHEME.match(name) or "\\" in name or "\0" in name:
        return "is no relative path"
    if "{{" in name:
        return "is computed from variables"
    return "climbs out of its directory by `*` and `..`" if "*" in name and ".." in pure.parts else None
