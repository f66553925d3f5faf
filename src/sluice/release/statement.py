"""The release statement: a verification summary over the record, bundle and manifests of one release.

Source: https://slsa.dev/verification_summary/v1, in an in-toto Statement, signed like evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from sluice import __version__
from sluice.digest import canonical_json, digest, digest_bytes
from sluice.evidence.envelope import decode, encode, sign, signer
from sluice.evidence.keys import Keys, PublicKey, SigningKey
from sluice.evidence.statement import STATEMENT_TYPE, Part, Resource, Sha256, Time, Where, resource
from sluice.evidence.unverified import Unverified
from sluice.release.record import Record

PREDICATE_TYPE: Literal["https://slsa.dev/verification_summary/v1"] = "https://slsa.dev/verification_summary/v1"
Level = Literal["SLUICE_JUDGED", "SLUICE_ACCEPTED"]


class Verifier(Part):
    """What verified."""

    id: Literal["urn:sluice:release"] = "urn:sluice:release"
    version: dict[str, str]


class Policy(Part):
    """The policy: where it lies, and its digest."""

    uri: str
    digest: Sha256


class Input(Part):
    """One statement of the branch `evidence` that was relied on."""

    uri: str
    digest: Sha256


class Summary(Part):
    """The predicate. There is no statement about a release that was refused."""

    verifier: Verifier
    time_verified: Time
    resource_uri: str
    policy: Policy
    input_attestations: tuple[Input, ...]
    verification_result: Literal["PASSED"] = "PASSED"
    verified_levels: Annotated[tuple[Level, ...], Field(min_length=1)]
    where: Where


class ReleaseStatement(Part):
    """What is signed: subjects are the lock, the bundle, the record's file and the manifests together."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(default=STATEMENT_TYPE, alias="_type")
    subject: tuple[Resource, ...]
    predicate_type: Literal["https://slsa.dev/verification_summary/v1"] = PREDICATE_TYPE
    predicate: Summary

    def about(self, name: str) -> str | None:
        """Return the digest of a subject by its name."""
        return next((one.full for one in self.subject if one.name == name), None)


def subjects(record: Record, manifests: Mapping[str, bytes]) -> dict[str, str]:
    """Return name -> digest of everything that a release consists of."""
    return {
        "release": record.release,
        "bundle": record.lock.bundle,
        "record": digest_bytes(record.write()),
        "manifests": digest({path: digest_bytes(data) for path, data in manifests.items()}),
    }


def release_statement(
    record: Record, manifests: Mapping[str, bytes], inputs: Mapping[str, bytes], where: Where
) -> ReleaseStatement:
    """Return the statement about a release; `inputs` are the files of the evidence that it rests on, by path."""
    levels: list[Level] = ["SLUICE_JUDGED"]
    if record.accepted:
        levels.append("SLUICE_ACCEPTED")
    summary = Summary(
        verifier=Verifier(version={"sluice": __version__}),
        time_verified=record.released_at,
        resource_uri=f"git:deploy/{record.lock.environment}",
        policy=Policy(uri=f"git:{record.source_commit}", digest=_sha256(record.lock.policy)),
        input_attestations=tuple(Input(uri=path, digest=_sha256(digest_bytes(data))) for path, data in inputs.items()),
        verified_levels=tuple(levels),
        where=where,
    )
    about = tuple(resource(name, one) for name, one in subjects(record, manifests).items())
    return ReleaseStatement(subject=about, predicate=summary)


def _sha256(full: str) -> Sha256:
    return Sha256(sha256=full.removeprefix("sha256:"))


def signed_release(statement: ReleaseStatement, key: SigningKey) -> bytes:
    """Return the file of a signed statement."""
    payload = canonical_json(statement.model_dump(mode="json", by_alias=True, exclude_none=True))
    return encode(sign(payload, key))


def verify_statement(
    data: bytes, record: Record, manifests: Mapping[str, bytes], keys: Keys
) -> tuple[ReleaseStatement, PublicKey]:
    """Return what was signed and by which key; raise Unverified where it is about anything else than this release."""
    envelope = decode(data)
    key = signer(envelope, keys)
    try:
        statement = ReleaseStatement.model_validate_json(envelope.payload)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, problem["loc"]))
        raise Unverified(f"it is no statement about a release: {place}: {problem['msg']}") from None
    for name, expected in subjects(record, manifests).items():
        if statement.about(name) != expected:
            raise Unverified(f"what was signed is about another {name} than lies here")
    return statement, key
