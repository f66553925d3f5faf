"""Builds a `Catalog` out of a tree: finds the files of each kind, parses and validates them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TypeVar

from pydantic import ValidationError

from sluice.catalog.entries import Dataset, Entry
from sluice.catalog.tree import Tree, hashes
from sluice.catalog.validation import validate
from sluice.catalog.yaml_file import read_yaml
from sluice.digest import digest
from sluice.errors import CannotJudge, Finding, InvalidFiles, UsageError, nearest
from sluice.schema import DatasetCard, Environment, FileModel, Model, Prompt, Suite
from sluice.schema.base import MAX_NAME, NAME_PATTERN
from sluice.schema.calibration import SUFFIX, CalibrationFile

DIRECTORIES: dict[str, str] = {
    "prompt": "prompts",
    "dataset": "datasets",
    "suite": "evals",
    "model": "models",
}
"""File kind -> directory, where a file's name is its identity."""

ENVIRONMENTS_DIRECTORY = "infra/overlays"
"""Where each environment has a directory of its name, with what Kustomize renders for it."""

ENVIRONMENT_FILE = "environment.yaml"

PATTERNS: dict[str, str] = {
    **{kind: f"{directory}/*.yaml" for kind, directory in DIRECTORIES.items()},
    "environment": f"{ENVIRONMENTS_DIRECTORY}/*/{ENVIRONMENT_FILE}",
}
"""File kind -> pattern of its YAML files, as editors read it."""

KEYS_DIRECTORY = "infra/policy/keys"
"""Where the public keys lie whose signatures on evidence this repository trusts."""

_EXTENSIONS = {
    "prompts": {".yaml"},
    "datasets": {".yaml", ".jsonl", SUFFIX},
    "evals": {".yaml", ".py"},
    "models": {".yaml"},
}
_LFS = b"version https://git-lfs.github.com/spec/"

FileT = TypeVar("FileT", bound=FileModel)


@dataclass(frozen=True)
class Catalog:
    """Everything that the ground floor declares, at one revision; `findings` are problems met while reading."""

    tree: Tree
    prompts: Mapping[str, Entry[Prompt]]
    datasets: Mapping[str, Dataset]
    suites: Mapping[str, Entry[Suite]]
    models: Mapping[str, Entry[Model]]
    suite_code: Mapping[str, bytes]
    environments: Mapping[str, Entry[Environment]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = field(default=())
    fingerprint: str = ""
    """SHA-256 over every file that an eval may read, weights too: equal fingerprints are equal byte by byte."""

    @property
    def label(self) -> str:
        """Which revision this is, in words."""
        return self.tree.label

    @property
    def commit(self) -> str | None:
        """The commit hash, or None for a working tree."""
        return self.tree.commit

    def require_valid(self) -> Catalog:
        """Return self, or raise InvalidFiles with every finding."""
        errors = [finding for finding in self.findings if finding.severity == "error"]
        if errors:
            raise InvalidFiles(errors)
        return self

    def suite(self, name: str) -> Entry[Suite]:
        """Return a suite by name; raise UsageError with the nearest known name."""
        if name not in self.suites:
            raise UsageError(f"no suite {name!r} in {self.label}; {nearest(name, self.suites)}")
        return self.suites[name]

    def prompt(self, name: str) -> Entry[Prompt]:
        """Return a prompt by name; raise UsageError with the nearest known name."""
        if name not in self.prompts:
            raise UsageError(f"no prompt {name!r} in {self.label}; {nearest(name, self.prompts)}")
        return self.prompts[name]

    def model(self, name: str) -> Entry[Model]:
        """Return a model by name; raise UsageError with the nearest known name."""
        if name not in self.models:
            raise UsageError(f"no model {name!r} in {self.label}; {nearest(name, self.models)}")
        return self.models[name]

    def environment(self, name: str) -> Entry[Environment]:
        """Return an environment by name; raise UsageError with the nearest known name."""
        if name not in self.environments:
            raise UsageError(f"no environment {name!r} in {self.label}; {nearest(name, self.environments)}")
        return self.environments[name]


def load(tree: Tree) -> Catalog:
    """Read every file of the ground floor. Bad files are left out and become findings."""
    try:
        return _load(tree)
    except FileNotFoundError as error:
        raise CannotJudge(f"{error.filename or error} went away while it was read; run the command again") from None
    finally:
        tree.close()


def _load(tree: Tree) -> Catalog:
    findings: list[Finding] = []
    files = {kind: _files(tree, directory, findings) for kind, directory in DIRECTORIES.items()}
    prompts = _entries(tree, files["prompt"], Prompt, findings)
    suites = _entries(tree, files["suite"], Suite, findings)
    models = _entries(tree, files["model"], Model, findings)
    cards = _entries(tree, files["dataset"], DatasetCard, findings)
    return Catalog(
        tree=tree,
        prompts=prompts,
        datasets=_datasets(tree, files["dataset"], cards, findings),
        suites=suites,
        models=models,
        environments=_entries(tree, _environment_files(tree, findings), Environment, findings, _directory_name),
        suite_code={PurePosixPath(path).stem: tree.read(path) for path in files["suite"] if path.endswith(".py")},
        findings=tuple(sorted(findings)),
        fingerprint=digest(hashes(tree, (path for room in DIRECTORIES.values() for path in tree.paths(room)))),
    )


def _files(tree: Tree, directory: str, findings: list[Finding]) -> list[str]:
    """Return the usable files of one directory; others become findings. Weights lie deeper and have no kind."""
    found = []
    for path in tree.paths(directory):
        pure = PurePosixPath(path)
        if pure.name == "README.md" or (len(pure.parts) > 2 and directory == "models"):
            continue
        problem = _file_problem(tree, path, directory)
        if problem:
            findings.append(problem)
        else:
            found.append(path)
    return found


def _file_problem(tree: Tree, path: str, directory: str) -> Finding | None:
    pure = PurePosixPath(path)
    allowed = _EXTENSIONS[directory]
    escape = tree.escapes(path)
    if escape:
        return Finding(path, 1, 1, "file-escapes", escape, "a plain file of this repository", "copy the file here")
    suffix = next((one for one in allowed if pure.name.endswith(one)), None)
    if len(pure.parts) > 2 or suffix is None:
        names = " or ".join(f"{directory}/<name>{suffix}" for suffix in sorted(allowed))
        return Finding(path, 1, 1, "file-unknown", f"a file {pure.name!r} here", names, "rename, move or delete it")
    if len(pure.stem) > MAX_NAME:
        found, expected = f"a name of {len(pure.stem)} characters", f"at most {MAX_NAME}"
        return Finding(path, 1, 1, "file-name", found, expected, "rename the file")
    if not re.fullmatch(NAME_PATTERN, pure.stem):
        return Finding(
            path,
            1,
            1,
            "file-name",
            repr(pure.stem),
            "lower case letters, digits, dots, dashes",
            "rename the file",
        )
    return None


def _environment_files(tree: Tree, findings: list[Finding]) -> list[str]:
    """Return the environment files; what else lies beside them is Kustomize's."""
    found = []
    for path in tree.paths(ENVIRONMENTS_DIRECTORY):
        if not PurePosixPath(path).match(PATTERNS["environment"]):
            continue
        escape = tree.escapes(path)
        if escape:
            expected = "a plain file of this repository"
            findings.append(Finding(path, 1, 1, "file-escapes", escape, expected, "copy the file here"))
        elif not re.match(NAME_PATTERN, _directory_name(path)):
            found_name, expected = repr(_directory_name(path)), "lower case letters, digits, dots, dashes"
            findings.append(Finding(path, 1, 1, "file-name", found_name, expected, "rename the directory"))
        else:
            found.append(path)
    return found


def _directory_name(path: str) -> str:
    return PurePosixPath(path).parent.name


def _stem(path: str) -> str:
    return PurePosixPath(path).stem


def _entries(
    tree: Tree,
    paths: list[str],
    kind: type[FileT],
    findings: list[Finding],
    name_of: Callable[[str], str] = _stem,
) -> dict[str, Entry[FileT]]:
    entries: dict[str, Entry[FileT]] = {}
    for path in paths:
        if not path.endswith(".yaml"):
            continue
        source = read_yaml(path, tree.read(path))
        problems = list(source.findings)
        value = None if source.data is None else validate(path, source, kind, problems)
        # A scalar that YAML readers disagree about is reported once, not again as a value of the wrong type.
        findings += source.findings
        places = {(finding.line, finding.column) for finding in source.findings}
        findings += [new for new in problems[len(source.findings) :] if (new.line, new.column) not in places]
        if source.findings:
            value = None
        if value is not None:
            name = name_of(path)
            entries[name] = Entry(name, path, value, source)
    return entries


def _datasets(
    tree: Tree, paths: list[str], cards: Mapping[str, Entry[DatasetCard]], findings: list[Finding]
) -> dict[str, Dataset]:
    rows = {PurePosixPath(path).stem: path for path in paths if path.endswith(".jsonl")}
    card_paths = {PurePosixPath(path).stem for path in paths if path.endswith(".yaml")}
    known = {f"{name}{SUFFIX}" for name in card_paths}
    for path in paths:
        if path.endswith(SUFFIX) and PurePosixPath(path).name not in known:
            expected = "a card of the same name beside it"
            findings.append(Finding(path, 1, 1, "dataset-card-missing", "a calibration alone", expected, "delete it"))
    for name in sorted(set(rows) - card_paths):
        expected = f"a card {name}.yaml beside it"
        findings.append(
            Finding(
                rows[name],
                1,
                1,
                "dataset-card-missing",
                "rows alone",
                expected,
                "write the card (sluice new dataset)",
            )
        )
    datasets = {}
    for name, card in cards.items():
        rows_path = rows.get(name) or str(PurePosixPath(card.path).with_suffix(".jsonl"))
        data = tree.read(rows_path) if name in rows else None
        problem = _rows_problem(card, rows_path, data)
        if problem:
            findings.append(problem)
        else:
            said = _calibration(tree, name, card, paths, findings)
            datasets[name] = Dataset(name, card.path, card.value, card.source, rows_path, data, said)
    return datasets


def _calibration(
    tree: Tree, name: str, card: Entry[DatasetCard], paths: list[str], findings: list[Finding]
) -> CalibrationFile | None:
    """Read what a judge said of a dataset's cases; a file that cannot be read counts as none."""
    path = calibration_path(name)
    if path not in paths:
        return None
    fix = f"write it anew: sluice calibrate {card.value.judge}" if card.value.judge else "delete it"
    try:
        said = CalibrationFile.model_validate_json(tree.read(path))
    except ValidationError as error:
        [first, *_] = error.errors(include_url=False)
        found = f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg'].lower()}"
        findings.append(Finding(path, 1, 1, "calibration-unreadable", found, "a file of sluice calibrate", fix))
        return None
    if said.judge != card.value.judge:
        found, expected = f"answers of {said.judge}", f"those of {card.value.judge or 'no judge'}, as {card.path} says"
        findings.append(Finding(path, 1, 1, "calibration-unreadable", found, expected, fix))
        return None
    return said


def calibration_path(dataset: str) -> str:
    """Return where the answers of the judge lie that a dataset's labels calibrate."""
    return f"{DIRECTORIES['dataset']}/{dataset}{SUFFIX}"


def _rows_problem(card: Entry[DatasetCard], rows_path: str, data: bytes | None) -> Finding | None:
    if data is None:
        return Finding(card.path, 1, 1, "dataset-rows-missing", "a card alone", f"rows in {rows_path}", "add the rows")
    if data.startswith(_LFS):
        return Finding(rows_path, 1, 1, "dataset-lfs-pointer", "a Git LFS pointer", "the rows", "run git lfs pull")
    if data[:3] == b"\xef\xbb\xbf" or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        fix = "save the file as UTF-8 without a byte order mark"
        return Finding(rows_path, 1, 1, "file-encoding", "a byte order mark", "UTF-8 without one", fix)
    return None
