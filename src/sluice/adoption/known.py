"""The repository variables and secrets that the workflows read: the one list that doctor, docs and tests share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sluice.evidence.git import BRANCH as EVIDENCE_BRANCH
from sluice.evidence.keys import SECRET_VARIABLE

CHECKS = "checks"
"""The environment of the workflow that posts the comment and the check."""

EVIDENCE_KEY = SECRET_VARIABLE
APP_ID = "SLUICE_APP_ID"
REGISTRY = "SLUICE_REGISTRY"

VARIABLES: Mapping[str, str] = {
    APP_ID: "the App that posts the check and writes evidence; without it the workflow's own token does",
    "SLUICE_BUDGET_CALLS": "most model calls of one pull request; without it the suites' own budgets bound it",
    "SLUICE_BUDGET_MINUTES": "most minutes of one pull request",
    "SLUICE_BUDGET_MONEY": "most US dollars of one pull request, by the prices in the model files",
    "SLUICE_ENDPOINT": "the model server that answers; without it the embedded model does",
    "SLUICE_PRODUCTION": "the environment that promote.yml releases to; without it nothing is",
    REGISTRY: "where your images lie",
    "SLUICE_ROLLOUT": "`push` lets workflows apply what they released; without it clusters pull",
    "SLUICE_RUNNER": "the label of the runner that evals run on; without it `ubuntu-latest`",
    "SLUICE_SERVE": "`1` lets evals start the models' servers on the runner, which needs a GPU and Docker or Podman",
    "SLUICE_STAGING": "the environment that release.yml releases to after each merge; without it nothing is",
}
"""Name -> what it says, and what holds where it is not set."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret: the environments that hold it (none: the repository does), what it is, and when it must be there."""

    words: str
    environments: tuple[str, ...] = ()
    needed: Literal["always", "with an App", "without an App", "never"] = "never"

    def must_be(self, *, app: bool) -> bool:
        """Return whether it has to be there."""
        return self.needed == "always" or self.needed == ("with an App" if app else "without an App")


SECRETS: Mapping[str, Secret] = {
    "SLUICE_API_KEY": Secret("the key of the model server, where it wants one"),
    "SLUICE_APP_KEY": Secret("the App's private key", (CHECKS, EVIDENCE_BRANCH), "with an App"),
    "SLUICE_DEPLOY_KEY": Secret(
        "the private half of a deploy key that may write", (EVIDENCE_BRANCH,), "without an App"
    ),
    "SLUICE_KUBECONFIG": Secret("how an environment's cluster is reached; in `checks` one that may only read"),
    EVIDENCE_KEY: Secret("the key that signs evidence; sluice init writes it to a file", (EVIDENCE_BRANCH,), "always"),
}
