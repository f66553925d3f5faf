"""What statements are about, as digests: the name of each file on the branch."""

from __future__ import annotations

from sluice.digest import digest
from sluice.evidence.statement import AcceptanceFacts


def verdict_digest(base: str | None, head: str | None, policy: str | None) -> str:
    """Return the digest of a verdict's three subjects; `base` is None where there was nothing to compare with."""
    return digest({"base": base, "head": head, "policy": policy})


def judged_policy(policy: str, acceptances: tuple[str, ...]) -> str:
    """Return the digest of everything that decided a verdict: the gates' policy and what was accepted under it.

    `policy` is `gate.acceptance.policy_digest`, to which acceptances are bound. What an environment accepts is
    decided by a release, which judges anew; at judging there is no environment.
    """
    return digest({"policy": policy, "acceptances": sorted(acceptances), "environment": None})


def acceptance_digest(candidate: str | None, policy: str | None, facts: AcceptanceFacts) -> str:
    """Return the digest of an acceptance: the candidate, the policy and everything that the person said."""
    said = facts.model_dump(mode="json", include=_SAID)
    return digest({"candidate": candidate, "policy": policy, "suite": facts.suite.name, **said})


_SAID = {"cases", "metric", "removal", "reason", "accepted_by", "expires", "command"}
