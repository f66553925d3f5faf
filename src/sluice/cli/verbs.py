"""The registry of verbs: name, module and one line; the help texts and docs are made from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: the module in this package that runs it, and what it does in a line."""

    module: str
    summary: str


VERBS: dict[str, Verb] = {
    "check": Verb("check", "Find what is wrong in the repository's files; runs no model."),
    "render": Verb(
        "render",
        "Show what a prompt sends for one case, or an environment's manifests and what differs in them.",
    ),
    "plan": Verb("plan", "Say what an eval would run, what it can see and what it costs; runs nothing."),
    "eval": Verb("evaluate", "Run the affected suites on base and head, compare and gate them."),
    "serve": Verb("serve", "Start a model behind an endpoint as a release would deploy it, until interrupted."),
    "merge": Verb("merge", "Join what shards of an eval have stored, to judge it as one run."),
    "compare": Verb("compare", "Compare one suite of two revisions case by case."),
    "gate": Verb("gate", "Print the verdict of a stored judgement, or test the gate itself."),
    "report": Verb("report", "Render a stored judgement as text, Markdown or JSON."),
    "evidence": Verb("evidence", "List, show, verify and record what was judged on main, signed."),
    "forge": Verb("forge", "Tell a pull request what was found, and act on commands in its comments; for workflows."),
    "release": Verb("release", "Release main's newest judged commit to an environment, as evidence allows it."),
    "rollback": Verb("rollback", "Bring an earlier release of an environment back, as a commit."),
    "rollout": Verb("rollout", "Make an environment's release true in its cluster, or say what would change."),
    "status": Verb("status", "Show where an environment stands: Git's wish, the cluster's truth, evidence, drift."),
    "verify": Verb("verify", "Verify releases offline: signatures, locks, bundles and evidence."),
    "train": Verb("train", "Train a model from the recipe in its file."),
    "import": Verb("import_", "Turn another tool's configuration into files of this repository."),
    "export": Verb("export", "Write the runs of a stored judgement in another tool's format."),
    "init": Verb("init", "Make a fresh copy of the template your own, and send its settings to the forge."),
    "new": Verb("new", "Write a valid prompt, dataset, suite or model to start from."),
    "doctor": Verb("doctor", "Say what this machine has, what is missing and how to get it."),
}
