"""What making a copy somebody's own removes and writes; decided before anything is touched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from sluice.adoption import answers, codeowners, overlays, placeholders, sample, settings
from sluice.adoption.answers import ANSWERS, Adoption
from sluice.adoption.git import changed_paths, git, head_paths, head_text, host, merging, slug
from sluice.catalog import DIRECTORIES, KEYS_DIRECTORY, Tree, WorkingTree, load
from sluice.errors import UsageError, nearest
from sluice.evidence.keys import SUFFIX
from sluice.scaffold import page, scaffold

README = "README.md"
CI = ".ci/run"
GENERATED = ("docs/cli.md", "docs/rules.md", "docs/tree.md", "src/sluice/schemas/*.json")
"""Files that `scripts/generate` writes anew; nobody edits them."""

_BLOCK = re.compile(r"(<!-- (\w+):start -->\n).*?(<!-- \2:end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Plan:
    """Paths that go, and path -> text of files that are written. `kept` are settings that somebody edited."""

    removed: tuple[str, ...]
    written: Mapping[str, str]
    kept: tuple[str, ...] = ()


class Hiding:
    """A tree without some of its files."""

    def __init__(self, tree: Tree, hidden: Iterable[str]) -> None:
        self._tree = tree
        self._hidden = frozenset(hidden)
        self.label = tree.label
        self.commit = tree.commit

    def paths(self, under: str) -> list[str]:
        """Return the files below a directory that are not hidden."""
        return [path for path in self._tree.paths(under) if path not in self._hidden]

    def read(self, path: str) -> bytes:
        """Return a file's bytes; raise FileNotFoundError where it is hidden."""
        if path in self._hidden:
            raise FileNotFoundError(path)
        return self._tree.read(path)

    def escapes(self, path: str) -> str | None:
        """Return what the tree says."""
        return self._tree.escapes(path)

    def close(self) -> None:
        """Close the tree."""
        self._tree.close()


def plan(root: Path, adoption: Adoption, previous: Adoption | None, repository: str | None = None) -> Plan:
    """Return what has to be done here. `previous` are the answers that HEAD has, None where this is a fresh copy.

    `repository` is its name at the forge, where that is known.
    """
    present = tracked(root)
    removed = removable(root, present, adoption, fresh=previous is None)
    removed = sorted({*removed, *_stale_settings(root, present, adoption, previous), *_inherited_keys(root, previous)})
    if previous is None:
        removed = sorted({*removed, *overlays.stale(present, adoption)})
    left = [path for path in present if path not in set(removed)]
    written = dict(_settings(root, adoption, previous))
    kept = tuple(path for path, text in settings.files(settings.desired(adoption)).items() if written.get(path) != text)
    written |= _ci(root, removed)
    if previous is None:
        written |= _fresh(root, adoption, removed, left)
        written |= overlays.written(root, present, adoption, _engine(root, adoption))
    written |= _filled(root, left, adoption, written, repository)
    written[codeowners.PATH] = _owners(root, adoption, previous, [*left, *written])
    return Plan(tuple(removed), {path: text for path, text in written.items() if text}, kept)


def _filled(
    root: Path, left: Iterable[str], adoption: Adoption, written: Mapping[str, str], repository: str | None
) -> Mapping[str, str]:
    """Put what is known in the place of the template's examples; what was edited since has none."""
    paths = [path for path in left if path.startswith(f"{placeholders.ROOM}/")]
    texts = {path: _text(root, path) for path in paths if path.endswith((".yaml", ".env"))}
    texts |= {path: text for path, text in written.items() if path.startswith(f"{placeholders.ROOM}/")}
    known = placeholders.Known(repository or slug(root), adoption.approving, host(root) or placeholders.FORGE)
    return known.filled(texts)


def tracked(root: Path) -> list[str]:
    """Return the files that Git has or would add, as far as they exist."""
    listed = git(root, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    return sorted({path for path in listed if path and (root / path).is_file()})


def removable(root: Path, present: Iterable[str], adoption: Adoption, *, fresh: bool) -> list[str]:
    """Return the sample's files that go. Later, what HEAD has on the ground floor is the owner's, whatever its name."""
    found = sample.of_the_sample(present, adoption)
    if fresh:
        return found
    own = head_paths(root)
    return [path for path in found if not (sample.on_the_ground_floor(path) and path in own)]


def _stale_settings(root: Path, present: Iterable[str], adoption: Adoption, previous: Adoption | None) -> list[str]:
    """Return the files of environments that nobody asks for any more."""
    wanted = settings.files(settings.desired(adoption))
    if previous is None:
        return [path for path in present if path.startswith(f"{settings.ENVIRONMENTS}/") and path not in wanted]
    before = settings.files(settings.desired(previous))
    return [path for path, text in before.items() if path not in wanted and _text(root, path) == text]


def _inherited_keys(root: Path, previous: Adoption | None) -> list[str]:
    """A public key that came with the copy would let the template's maintainers sign evidence here."""
    if previous is not None:
        return []
    found = [path for path in head_paths(root) if PurePosixPath(path).match(f"{KEYS_DIRECTORY}/*{SUFFIX}")]
    return [path for path in found if (root / path).exists()]


def foreign_changes(root: Path, planned: Plan, previous: Adoption | None, adoption: Adoption) -> list[str]:
    """Return changed paths that neither this plan nor an interrupted run of it accounts for; none during a merge."""
    if merging(root):
        return []
    return [path for path in changed_paths(root) if not _accounted(root, path, planned, adoption, previous)]


def _accounted(root: Path, path: str, planned: Plan, adoption: Adoption, previous: Adoption | None) -> bool:
    if path in planned.written:
        return _equals(root / path, planned.written[path])
    if previous is None and path.startswith((f"{KEYS_DIRECTORY}/", f"{settings.ENVIRONMENTS}/")):
        return True
    if previous is None and not (root / path).exists() and overlays.stale([path], adoption):
        return True
    if path.startswith(f"{placeholders.ROOM}/") and list(placeholders.left(path, head_text(root, path) or "")):
        return True
    if any(fnmatchcase(path, pattern) for pattern in GENERATED):
        return True
    return not (root / path).exists() and bool(sample.of_the_sample([path], adoption))


def _equals(path: Path, text: str) -> bool:
    """Return whether a file holds a text, leaving aside the passages that `scripts/generate` fills."""
    return path.is_file() and _BLOCK.sub(r"\1\3", path.read_text(encoding="utf-8")) == _BLOCK.sub(r"\1\3", text)


def _text(root: Path, path: str) -> str:
    return (root / path).read_text(encoding="utf-8") if (root / path).is_file() else ""


def _settings(root: Path, adoption: Adoption, previous: Adoption | None) -> Mapping[str, str]:
    """Settings that somebody edited after the last answers stay as they are."""
    wanted = settings.files(settings.desired(adoption))
    before = settings.files(settings.desired(previous)) if previous else {}
    made = {ANSWERS: answers.written(adoption)}
    for path, text in wanted.items():
        present = _text(root, path)
        edited = previous is not None and present and present not in (before.get(path), text)
        made[path] = present if edited else text
    return made


def _owners(root: Path, adoption: Adoption, previous: Adoption | None, tracked_then: Iterable[str]) -> str:
    text = _text(root, codeowners.PATH)
    if previous is not None:
        text = codeowners.renamed(text, previous.owner, adoption.owner)
    return codeowners.owned(text, adoption.owner, tracked_then)


def _ci(root: Path, removed: Iterable[str]) -> Mapping[str, str]:
    """CI no longer calls the scripts that go."""
    gone = {path for path in removed if path.startswith("scripts/")}
    lines = _text(root, CI).splitlines()
    kept = [line for line in lines if not line.split() or line.split()[0] not in gone]
    text = "\n".join(kept) + "\n" if kept else ""
    return {CI: text.replace(", then the demo as proof from end to end", "")}


def _fresh(root: Path, adoption: Adoption, removed: Iterable[str], left: Iterable[str]) -> Mapping[str, str]:
    """Return the starter application, the owner's README, and the chosen model's file without a model that went."""
    made = _model(root, adoption)
    if adoption.sample:
        return made
    catalog = load(Hiding(WorkingTree(root), [*removed, *_starter_paths(adoption)]))
    starter = scaffold("suite", adoption.application, catalog, model=adoption.model)
    owner = adoption.team or adoption.organisation
    made |= {path: text.replace("[your-team]", f"[{owner}]") for path, text in starter.items()}
    taken = sorted(path for path in starter if head_text(root, path) is not None)
    if taken:
        raise UsageError(
            f"{', '.join(taken)} exist already; give the first application another name: --application NAME"
        )
    made[README] = page("README.md", title=_title(root), application=adoption.application, note=_note(adoption))
    return made


def _note(adoption: Adoption) -> str:
    """Say what the embedded model cannot do, where the first prompt names it."""
    return page("embedded-note.md", model=adoption.model) if adoption.model == sample.EMBEDDED else ""


def _starter_paths(adoption: Adoption) -> list[str]:
    """Files that an interrupted run may have written."""
    name = adoption.application
    kinds = [
        (DIRECTORIES[kind], suffix) for kind, suffix in (("prompt", "yaml"), ("suite", "yaml"), ("dataset", "yaml"))
    ]
    return [f"{directory}/{name}.{suffix}" for directory, suffix in (*kinds, (DIRECTORIES["dataset"], "jsonl"))]


def _title(root: Path) -> str:
    """The repository's name at the forge; a clone may lie in a directory of any name."""
    name = (slug(root) or root.resolve().name).rpartition("/")[2]
    return re.sub(r"[^\w.-]+", "-", name).strip("-") or "Prompts"


def require_model(root: Path, model: str) -> str:
    """Return the path of a model's file; raise UsageError where there is none."""
    path = f"{DIRECTORIES['model']}/{model}.yaml"
    if not _text(root, path):
        known = [
            Path(name).stem for name in tracked(root) if re.fullmatch(rf"{DIRECTORIES['model']}/[^/]+\.yaml", name)
        ]
        raise UsageError(
            f"--model {model}: there is no {path}; {nearest(model, known)}. "
            "Another one: write its file first (sluice new model NAME) and commit it"
        )
    return path


def _engine(root: Path, adoption: Adoption) -> str:
    """Return the engine that serves the chosen model."""
    return load(WorkingTree(root)).model(adoption.model).value.serving.engine


def _model(root: Path, adoption: Adoption) -> dict[str, str]:
    path = require_model(root, adoption.model)
    text = _text(root, path)
    if adoption.embedded:
        return {}
    return {path: re.sub(rf"^stand_in: {re.escape(sample.EMBEDDED)}\n", "", text, flags=re.MULTILINE)}
