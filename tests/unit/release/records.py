"""Records and bundles of releases, made from the ground floor in memory."""

from __future__ import annotations

from unit.release.evidenced import COMMIT, best
from unit.release.evidenced import files as floor_files
from unit.release.made import WHO, catalog

from sluice.release.bundle import make_bundle
from sluice.release.lock import make_lock
from sluice.release.record import Anchor, Judged, Record, SuiteEvidence

TIME = "2026-11-22T12:00:00Z"


def record(number: int = 1, words: str = "Say", **changes) -> Record:
    """Return a record of a release of staging; `words` begin its prompt."""
    found = catalog(floor_files(f"{words} {{{{ question }}}}."))
    lock = make_lock(found, "staging", make_bundle(found, "staging"))
    closure = best(found).closure.digest
    evidence = SuiteEvidence(
        closure=closure, run=f"runs/{closure[7:9]}/{closure[7:]}.json", engine="tgi", model="carried",
        evaluated_at=TIME, current=Judged(word="first", how="first"),
    )  # fmt: skip
    anchor = Anchor(number=1, release=lock.digest, commit=COMMIT, by=WHO, closures={"answer": closure})
    return Record(
        number=number, lock=lock, source_commit=COMMIT, released_at=TIME, evidence={"answer": evidence}, anchor=anchor,
        changes=("answer: its sampling changed",),
    ).model_copy(update=changes)  # fmt: skip


def bundle(words: str = "Say") -> dict[str, bytes]:
    """Return the bundle that `record` names."""
    return dict(make_bundle(catalog(floor_files(f"{words} {{{{ question }}}}.")), "staging").files)
