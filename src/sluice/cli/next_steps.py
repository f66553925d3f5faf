"""What `sluice init` leaves to a person: only what is still missing, as commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sluice.adoption import git, keys, local
from sluice.adoption.answers import Adoption
from sluice.adoption.git import EVIDENCE_BRANCH
from sluice.adoption.known import EVIDENCE_KEY
from sluice.catalog import KEYS_DIRECTORY

S = ".venv/bin/sluice"
PUSH = f"git push origin HEAD:main {EVIDENCE_BRANCH}"


def next_steps(root: Path, adoption: Adoption, made: Path | None, repository: str | None) -> str:
    """Return the steps that are left. `made` is the secret key's file, where this run made it.

    What the forge has is not known here: once everything is pushed, `sluice doctor --repository` tells.
    """
    name = repository or "OWNER/NAME"
    doctor = f"{S} doctor --repository {name} says what is missing"
    steps = list(_steps(root, made, name))
    app = "" if adoption.app_id else (
        "\nWithout --app-id the check is advice against whoever may push: docs/adopting.md says what an App adds."
    )  # fmt: skip
    app += _examples(root)
    if not steps:
        return f"\nAll is done and pushed. At the forge, {doctor}{app}"
    steps[-1] += f"\n     then {doctor}"
    numbered = (f"  {number}. {step}" for number, step in enumerate(steps, 1))
    return "\n".join(["", "Next:", *numbered]) + app


def _steps(root: Path, made: Path | None, name: str) -> Iterator[str]:
    changed = bool(git.changed_paths(root))
    if not changed and git.is_at_remote(root):
        return
    commit = 'git add --all && git commit -m "Make the template ours" && ' if changed else ""
    yield f"{commit}{PUSH}\n     (before you judge anything: `sluice eval` compares with main)"
    yield (
        f"GITHUB_TOKEN=... {S} init --apply --repository {name}\n"
        "     (a token with Administration, Environments and Variables to write; it sends .github/settings)"
    )
    yield _secret(root, made, name)


def _examples(root: Path) -> str:
    """Name what nobody but a person can say; no release is made before."""
    found = local.examples(root, "note")
    return "" if found.state == "ok" else f"\nBefore a first release: {found.found}.\n     {found.repair}"


def _secret(root: Path, made: Path | None, name: str) -> str:
    """Name the secret key's file where it can be known."""
    setting = f"gh secret set {EVIDENCE_KEY} --env {EVIDENCE_BRANCH} --repo {name}"
    if not keys.has_key(root):
        return (
            f"{S} evidence keygen DIR makes the signing key; commit its public half, then\n"
            f"     {setting} < DIR/evidence.pem"
        )
    secret = made or keys.kept_secret(root)
    if secret:
        return f"{setting} < {secret}"
    return f"{setting} < FILE\n     (FILE is the secret half of the key in {KEYS_DIRECTORY}/, where you keep it)"
