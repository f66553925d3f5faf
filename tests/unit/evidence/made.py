"""Signed evidence for tests: real keys, real statements, made-up results, and a branch that is only a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from unit.report import factory

from sluice.digest import digest
from sluice.evidence.branch import Place, place_of
from sluice.evidence.keys import Keys, SigningKey, public_key, public_pem
from sluice.evidence.runs import Making, complete_head, run_statement
from sluice.evidence.signing import signed
from sluice.evidence.statement import Where
from sluice.evidence.subjects import verdict_digest
from sluice.evidence.verdicts import Compared, verdict_statement
from sluice.runner.closure import PARTS, Closure

# The secret of test vector 1 in RFC 8032, section 7.1: as public as a key can be.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MAKING = Making(Where(url="https://forge.example/runs/7", repository="example/app"), NOW)
POLICY = digest("policy")
SERVER = {
    "engine": "tgi",
    "model": "m",
    "revision": "r",
    "version": "3.3.4",
    "limits": {"max_input_tokens": 9},
    "facts": {},
}


def key(seed: bytes = SEED) -> SigningKey:
    """Return a secret key."""
    return SigningKey(Ed25519PrivateKey.from_private_bytes(seed))


def keys(*secrets: SigningKey) -> Keys:
    """Return the keys that a revision would list."""
    found = [public_key(f"key-{i}", public_pem(one.key.public_key())) for i, one in enumerate(secrets or (key(),))]
    return Keys("keys at main", {one.keyid: one for one in found})


def closure(name: str = "head") -> Closure:
    """Return a made-up closure of the suite of `factory`."""
    return Closure("support-answer", {part: digest([name, part]) for part in PARTS if part != "retrieval"})


def suite(count: int = 12, outputs: str = "public", **edits):
    """Return a complete suite judgement whose sides have the closures `base` and `head`."""
    compared = factory.edited(count, **edits)
    compared = replace(
        compared,
        base=replace(compared.base, closure=closure("base").digest),
        head=replace(
            compared.head, closure=closure("head").digest, engine={**compared.head.engine, "servers": [SERVER]}
        ),
    )
    return factory.suite(compared, outputs=outputs)


def planned(one) -> list[str]:
    """Return the ids of every case of a suite judgement."""
    return [pair.info.id for pair in one.comparison.pairs]


def judgement(one, word="pass", **extra):
    """Return a judgement of one suite."""
    metrics = tuple(factory.metric(one.comparison, name, word) for name in factory.METRICS)
    verdict = factory.suite_verdict(one.comparison, word, metrics, **extra)
    return factory.judgement(one, verdict, word)


def run_files(count: int = 12, secret: SigningKey | None = None, attempt: int = 1, **edits) -> dict[str, bytes]:
    """Return the two files of a run's evidence."""
    one = suite(count, **edits)
    statement, file = run_statement(complete_head(one, planned(one)), closure(), (), MAKING)
    place = Place("run", hexed(closure().digest), attempt)
    return {place.path: signed(statement, secret or key()), place.run_path: file}


def verdict_files(word="pass") -> dict[str, bytes]:
    """Return the file of a verdict's evidence."""
    told = judgement(suite(), word)
    compared = Compared(closure("base"), closure("head"), POLICY)
    statement = verdict_statement(told, told.verdict.suites[0], compared, MAKING, 2)
    subject = verdict_digest(closure("base").digest, closure("head").digest, compared.judged_policy)
    return {Place("verdict", hexed(subject)).path: signed(statement, key())}


def hexed(text: str) -> str:
    """Return a digest without its algorithm."""
    return text.removeprefix("sha256:")


class Files:
    """A branch that is a mapping from path to content."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)

    def places(self):
        return tuple(sorted(filter(None, map(place_of, self.files)), key=lambda one: (one.kind, one.hex, one.attempt)))

    def attempts(self, kind, hex_digest):
        return tuple(one for one in self.places() if (one.kind, one.hex) == (kind, hex_digest))

    def read(self, path):
        return self.files.get(path)
