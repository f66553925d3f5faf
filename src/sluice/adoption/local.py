"""What a clone itself shows of the settings: answers, owners, public keys, the history of the evidence branch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sluice.adoption import codeowners, placeholders
from sluice.adoption.answers import ANSWERS
from sluice.adoption.diagnosis import Diagnosis, State
from sluice.adoption.git import EVIDENCE_BRANCH, asks, git, head_text
from sluice.catalog import KEYS_DIRECTORY, MAINS, GitTree, WorkingTree
from sluice.evidence.keys import read_keys

WORKFLOWS = ".github/workflows"
_TRUNKS = (*MAINS, "HEAD")


def inspect(root: Path) -> Iterator[Diagnosis]:
    """Yield one diagnosis for each thing that needs no forge to be seen."""
    yield _answers(root)
    yield examples(root, "fix")
    yield _keys(root)
    yield _history(root)


def workflow_paths(root: Path) -> list[str]:
    """Return the workflow files of the working tree."""
    found = [path for pattern in ("*.yml", "*.yaml") for path in (root / WORKFLOWS).glob(pattern)]
    return sorted(path.relative_to(root).as_posix() for path in found)


def _answers(root: Path) -> Diagnosis:
    owners = head_text(root, codeowners.PATH) or ""
    if head_text(root, ANSWERS) is None:
        return Diagnosis("adoption", "fix", f"{ANSWERS} is not committed", "sluice init, then commit")
    if codeowners.PLACEHOLDER.search(owners):
        repair = f"put your own people in {codeowners.PATH}"
        return Diagnosis("adoption", "fix", f"{codeowners.PATH} names the template's examples", repair)
    return Diagnosis("adoption", "ok", f"{ANSWERS} is committed, {codeowners.PATH} names your own people")


def examples(root: Path, state: State) -> Diagnosis:
    """Say which of the template's examples still stand below `infra/`; no release is made with one."""
    found = placeholders.left_in(WorkingTree(root))
    if not found:
        return Diagnosis("infra, examples", "ok", "none of the template's stands there any more")
    places = ", ".join(f"{one.path}:{one.line}" for one in found)
    repairs = "; ".join(dict.fromkeys(f"{one.expected}: {one.fix}" for one in found))
    return Diagnosis("infra, examples", state, f"the template's own stand in {places}", repairs)


def _keys(root: Path) -> Diagnosis:
    """Evidence is verified with the keys that the trunk has, never with those of what is judged."""
    trunk = next(one for one in _TRUNKS if asks(root, "rev-parse", "--verify", "--quiet", f"{one}^{{commit}}"))
    keys = read_keys(GitTree(root, trunk))
    if keys.problems:
        return Diagnosis("public keys", "fix", "; ".join(keys.problems), "write it as sluice evidence keygen does")
    if not keys:
        repair = f"sluice init makes one; commit {KEYS_DIRECTORY}/ and merge it"
        return Diagnosis("public keys", "fix", f"{keys.place} has none: no evidence can be verified", repair)
    return Diagnosis("public keys", "ok", ", ".join(f"{key.name} ({key.keyid[:12]})" for key in keys.by_id.values()))


def _history(root: Path) -> Diagnosis:
    title = f"history of {EVIDENCE_BRANCH}"
    places = (f"origin/{EVIDENCE_BRANCH}", EVIDENCE_BRANCH)
    place = next((one for one in places if asks(root, "rev-parse", "--quiet", "--verify", one)), None)
    if place is None:
        return Diagnosis(title, "note", "the branch is not in this clone", f"git fetch origin {EVIDENCE_BRANCH}")
    if asks(root, "merge-base", place, "HEAD"):
        repair = "it must hold evidence alone: see docs/threat-model.md before you replace it"
        return Diagnosis(title, "fix", f"{place} has history in common with this branch", repair)
    return Diagnosis(title, "ok", f"{place} stands alone, {git(root, 'rev-list', '--count', place).strip()} commits")
