"""in-toto Statements of test results, as models that are strict about what this room itself writes.

Sources: https://in-toto.io/Statement/v1 and https://in-toto.io/attestation/test-result/v0.1. What test-result has no
field for stands in the member `sluice`, under the names of the proposed eval-result predicate where it has them
(https://github.com/in-toto/attestation/pull/575).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from sluice import __version__
from sluice.digest import canonical_json
from sluice.evidence.unverified import Unverified
from sluice.stored import Count, Number, OutputsRule, Share, Stored

STATEMENT_TYPE: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Literal["https://in-toto.io/attestation/test-result/v0.1"] = (
    "https://in-toto.io/attestation/test-result/v0.1"
)
FORMAT = 1
"""Raised when an older reader would misread a newer statement."""

Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
Time = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
Result = Literal["PASSED", "WARNED", "FAILED"]
VerdictWord = Literal["pass", "fail", "inconclusive", "invalid", "first", "pass (accepted)"]
Kind = Literal["run", "verdict", "acceptance"]


def _camel(name: str) -> str:
    first, *rest = name.strip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


class Part(Stored):
    """A part of a statement; keys are written in camel case, as in-toto's are."""

    model_config = ConfigDict(alias_generator=_camel, populate_by_name=True)


class Sha256(Part):
    """A digest set with one member."""

    sha256: Hex


class Resource(Part):
    """A subject or a resource descriptor: a name and the digest of its content."""

    name: str
    digest: Sha256

    @property
    def full(self) -> str:
        """The digest as everything else here writes it."""
        return f"sha256:{self.digest.sha256}"


def resource(name: str, digest: str) -> Resource:
    """Return a descriptor of something with a digest `sha256:…`."""
    return Resource(name=name, digest=Sha256(sha256=digest.removeprefix("sha256:")))


class Named(Part):
    """A suite, by its name."""

    name: str


class Harness(Part):
    """What measured."""

    name: Literal["sluice"] = "sluice"
    version: str = __version__


class Where(Part):
    """Where the statement was made, as far as the forge's own environment says."""

    url: str | None = None
    repository: str | None = None
    ref: str | None = None
    workflow: str | None = None
    runner: str | None = None


class Server(Part):
    """What a server that answered said of itself."""

    engine: str
    model: str
    revision: str | None = None
    version: str | None = None
    limits: dict[str, int]
    facts: dict[str, str]


class Tally(Part):
    """How many results a run has, by state, and how many of them a model was called for."""

    results: Count
    passed: Count
    failed: Count
    errors: Count
    called: Count


class RunFile(Part):
    """The stored run beside the statement."""

    name: str
    digest: Sha256
    size: Count
    outputs: OutputsRule


class Made(Part):
    """What every statement says of how it came about."""

    format: Literal[1] = 1
    suite: Named
    evaluated_at: Time
    harness: Harness = Harness()
    assurance_level: Literal["self_attested"] = "self_attested"
    where: Where


class RunFacts(Made):
    """The run of a suite on one closure; `complete` is the only kind of run that is evidence."""

    kind: Literal["run"] = "run"
    complete: Literal[True] = True
    sample_size: Count
    commit: Commit
    closure: dict[str, Digest]
    model: Digest
    engine: dict[str, JsonValue]
    servers: tuple[Server, ...]
    results: Tally
    run: RunFile


class Claim(Part):
    """One gated metric: the lower bound of head minus base against the margin, and the figures behind it."""

    metric: str
    tier: Literal["block", "warn", "info"]
    comparator: Literal[">", "<", ">="]
    threshold: str
    passed: bool
    word: str
    sample_size: Count
    base: Number | None = None
    head: Number | None = None
    difference: Number | None = None
    lower: Number | None = None
    upper: Number | None = None
    floor: Share | None = None
    broken: Count
    repaired: Count
    detectable: Number | None = None
    design_effect: Number
    notes: tuple[str, ...]


class Revision(Part):
    """One side of a verdict."""

    label: str
    commit: Commit | None = None


class Change(Part):
    """The verdict of the whole change of which the suite is one part."""

    verdict: VerdictWord
    reasons: tuple[str, ...]
    suites: tuple[str, ...]


class VerdictFacts(Made):
    """The verdict of one suite: baseline and candidate by their closures, under one policy."""

    kind: Literal["verdict"] = "verdict"
    verdict: VerdictWord
    reasons: tuple[str, ...]
    sample_size: Count
    claims: tuple[Claim, ...]
    must_pass_failures: tuple[str, ...]
    base: Revision | None = None
    head: Revision
    heads_judged: Count | None = None
    acceptances: tuple[Digest, ...]
    change: Change


class AcceptanceFacts(Made):
    """What a person accepts of one candidate under one policy: named cases, a metric, or a removal."""

    kind: Literal["acceptance"] = "acceptance"
    cases: tuple[str, ...]
    metric: str | None = None
    removal: bool
    reason: Annotated[str, StringConstraints(min_length=1)]
    accepted_by: Annotated[str, StringConstraints(min_length=1)]
    expires: Time
    command: str | None = None


class Predicate(Part):
    """A test result, and what is Sluice's own."""

    result: Result
    configuration: tuple[Resource, ...]
    url: str | None = None
    passed_tests: tuple[str, ...] = ()
    warned_tests: tuple[str, ...] = ()
    failed_tests: tuple[str, ...] = ()
    sluice: RunFacts | VerdictFacts | AcceptanceFacts = Field(discriminator="kind")


class Statement(Part):
    """One statement: what it is about, by digests, and what it says."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(default=STATEMENT_TYPE, alias="_type")
    subject: Annotated[tuple[Resource, ...], Field(min_length=1)]
    predicate_type: Literal["https://in-toto.io/attestation/test-result/v0.1"] = PREDICATE_TYPE
    predicate: Predicate

    @property
    def facts(self) -> RunFacts | VerdictFacts | AcceptanceFacts:
        """What is Sluice's own."""
        return self.predicate.sluice

    def about(self, name: str) -> str | None:
        """Return the digest of a subject by its name."""
        return next((one.full for one in self.subject if one.name == name), None)


def write(statement: Statement) -> bytes:
    """Return the payload: canonical JSON, without fields that are unknown."""
    return canonical_json(statement.model_dump(mode="json", by_alias=True, exclude_none=True))


def read(payload: bytes) -> Statement:
    """Return the statement of a payload; raise Unverified where it is none that this version knows."""
    try:
        return Statement.model_validate_json(payload)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, problem["loc"]))[:120]
        raise Unverified(f"the statement is none that Sluice {__version__} knows: {place}: {problem['msg']}") from None


def time_text(moment: datetime) -> str:
    """Return a moment as RFC 3339, in UTC and whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_of(text: str) -> datetime:
    """Return the moment that `time_text` wrote; raise Unverified where there is no such moment."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Unverified(f"{text!r} is no moment") from None
