"""Reads the files that a promptfoo configuration names; only plain files inside the repository are opened."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from sluice.catalog.yaml_file import encoding_finding
from sluice.errors import Finding, UsageError
from sluice.interchange.promptfoo.js_json import NotKept, read_json
from sluice.interchange.promptfoo.js_yaml import read_js_yaml
from sluice.interchange.promptfoo.spots import Spot

SCHEME = "file://"
MAX_BYTES = 20_000_000
_DATA = (".yaml", ".yml", ".json")
_CODE = re.compile(r"\.(py|js|cjs|mjs|ts|cts|mts|rb|sh|exe)(:\w+)?$")
_BINARY = frozenset(
    [
        ".avif",
        ".bmp",
        ".gif",
        ".heic",
        ".ico",
        ".jpeg",
        ".jpg",
        ".m4a",
        ".mov",
        ".mp3",
        ".mp4",
        ".mpeg",
        ".ogg",
        ".pdf",
        ".png",
        ".svg",
        ".tiff",
        ".wav",
        ".webm",
        ".webp",
    ]
)
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

    def files(self, spot: Spot, reference: str, *, code: bool = False, beside: bool = False) -> list[Path]:
        """Return the files that a reference (perhaps with `*`) names; problems become findings.

        Paths are relative to the configuration, or with `beside` to the file that has the reference.
        """
        directory = (self.root / spot.path).parent if beside else self.directory
        name = reference.removeprefix(SCHEME)
        problem = _reference_problem(name, code)
        if problem:
            spot.refuse(f"{reference!r} {problem}", "name a plain file of this repository by a relative path")
            return []
        found = sorted(directory.glob(name)) if "*" in name else [directory / name]
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
        problem = encoding_finding(self._shown(path.resolve()), data.removeprefix(b"\xef\xbb\xbf"))
        if problem:
            self.findings.append(problem)
            return None
        return data.decode("utf-8-sig").replace("\r\n", "\n")

    def data(self, path: Path) -> Spot | None:
        """Return the content of a YAML or JSON file, or None after findings."""
        return self._data(self._shown(path.resolve()), path.read_bytes())

    def value(self, spot: Spot, reference: str, *, beside: bool = False) -> Any:
        """Return what a `file://` value stands for: data of YAML and JSON files, the text of others."""
        files = self.files(spot, reference, beside=beside)
        if len(files) != 1:
            return None
        if files[0].suffix in _DATA:
            found = self.data(files[0])
            return found.value if found else None
        return self.text(spot, files[0])

    def variables(self, spot: Spot, reference: str) -> Iterator[str]:
        """Yield the texts of the files that a variable names: YAML becomes JSON, as promptfoo does it."""
        for path in self.files(spot, reference):
            if path.suffix in (".yaml", ".yml"):
                found = self.data(path)
                yield json.dumps(found.value, ensure_ascii=False, separators=(",", ":")) if found else ""
            elif path.suffix.lower() in _BINARY:
                spot.refuse(f"{path.name!r} is no text", "inputs are texts and data here")
            else:
                yield (self.text(spot, path) or "").strip()

    def rows(self, spot: Spot, reference: str, columns: Callable[[Spot], Spot]) -> Iterator[Spot]:
        """Yield the tests of the files that a reference names: YAML, JSON, JSON Lines, or CSV read by `columns`."""
        for path in self.files(spot, reference):
            if path.suffix in _DATA:
                found = self.data(path)
                yield from _listed(found) if found else ()
            elif path.suffix == ".jsonl":
                yield from self._lines(spot, path)
            elif path.suffix == ".csv":
                yield from map(columns, self.table(spot, path))
            else:
                spot.refuse(f"tests in {path.suffix or 'such'} files are not read", "use YAML, JSON, JSON Lines or CSV")

    def _lines(self, spot: Spot, path: Path) -> Iterator[Spot]:
        shown = self._shown(path.resolve())
        for number, line in enumerate((self.text(spot, path) or "").split("\n"), 1):
            place = Spot(shown, None, self.findings, label=f"line {number}", line=number)
            try:
                if line.strip():
                    yield place.with_value(read_json(line))
            except NotKept as error:
                place.report("import-value", str(error), "data that a file here can hold", "write it as a text")
            except ValueError as error:
                place.report("import-value", f"a line that is not JSON: {error}", "a JSON object", "mend the line")

    def table(self, spot: Spot, path: Path) -> Iterator[Spot]:
        """Yield the rows of a CSV file as mappings."""
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


def _reference_problem(name: str, code: bool) -> str | None:
    pure = PurePosixPath(name)
    if not code and _CODE.search(name):
        return "is code, which an import never runs"
    if pure.is_absolute() or name.startswith("~") or _OTHER_SCHEME.match(name) or "\\" in name or "\0" in name:
        return "is no relative path"
    if "{{" in name:
        return "is computed from variables"
    return "climbs out of its directory by `*` and `..`" if "*" in name and ".." in pure.parts else None
