"""What the forge must enforce on branches, as the bodies that its API (and its web form's import) takes."""

from __future__ import annotations

from typing import Any

from sluice.adoption.answers import Adoption
from sluice.forge.check import NAME as REQUIRED_CHECK

CLOSING_JOB = "pull-request"
"""The job of `pull-request.yml` that runs always: tests of the engine and findings of `sluice check` end there."""

MAIN = "sluice-main"
WRITERS = "sluice-record-writers"
HISTORY = "sluice-record-history"
RECORDS = ("refs/heads/evidence", "refs/heads/deploy/*")

Body = dict[str, Any]


def rulesets(adoption: Adoption) -> dict[str, Body]:
    """Return name -> body of each ruleset."""
    return {
        MAIN: _ruleset(MAIN, ["~DEFAULT_BRANCH"], [*_plain("deletion", "non_fast_forward"), *_merging(adoption)]),
        WRITERS: _ruleset(WRITERS, RECORDS, _plain("creation", "update"), bypass=[_writer(adoption)]),
        HISTORY: _ruleset(HISTORY, RECORDS, _plain("deletion", "non_fast_forward")),
    }


def _ruleset(name: str, refs: Any, rules: list[Body], bypass: list[Body] | None = None) -> Body:
    return {
        "name": name,
        "target": "branch",
        "enforcement": "active",
        "bypass_actors": bypass or [],
        "conditions": {"ref_name": {"include": list(refs), "exclude": []}},
        "rules": rules,
    }


def _plain(*types: str) -> list[Body]:
    return [{"type": one} for one in types]


def _merging(adoption: Adoption) -> list[Body]:
    """One person alone cannot approve their own pull request, so only a team is asked for reviews."""
    several = adoption.team is not None
    review = {
        "required_approving_review_count": int(several),
        "dismiss_stale_reviews_on_push": True,
        "require_code_owner_review": several,
        "require_last_push_approval": several,
        "required_review_thread_resolution": False,
        "allowed_merge_methods": ["merge", "squash", "rebase"],
    }
    check: Body = {"context": REQUIRED_CHECK}
    if adoption.app_id is not None:
        check["integration_id"] = adoption.app_id
    checks = {
        "strict_required_status_checks_policy": True,
        "do_not_enforce_on_create": True,
        "required_status_checks": [check, {"context": CLOSING_JOB}],
    }
    return [
        {"type": "pull_request", "parameters": review},
        {"type": "required_status_checks", "parameters": checks},
    ]


def _writer(adoption: Adoption) -> Body:
    """The App, where there is one; else any deploy key that may write (a workflow's own token cannot be named)."""
    if adoption.app_id is not None:
        return {"actor_id": adoption.app_id, "actor_type": "Integration", "bypass_mode": "always"}
    return {"actor_id": None, "actor_type": "DeployKey", "bypass_mode": "always"}
