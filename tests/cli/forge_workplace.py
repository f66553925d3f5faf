"""A workflow's step in a test: the fake forge, the variables of the step, the event, and the stored judgement."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from servers.github import GitHubServer
from servers.github_fixtures import BASE, HEAD, REPORTING, archive, run_event
from servers.github_state import Run
from unit.report import factory

from sluice.gate.judgement import Judgement
from sluice.report.json import to_json

BOT = "github-actions[bot]"
WORKFLOW = ".github/workflows/pull-request.yml"


def stored(judgement: Judgement, head: str | None = None) -> bytes:
    """What the untrusted stage uploads."""
    return b"".join(to_json(replace(judgement, head_commit=head)))


def packed(judgement: Judgement, head: str | None = None) -> bytes:
    return archive({"judgement.json": stored(judgement, head)})


@dataclass
class Step:
    """Runs verbs as steps of one job."""

    server: GitHubServer
    sluice: Callable[..., tuple[int, str, str]]
    place: Path
    monkeypatch: Any

    @property
    def forge(self) -> Any:
        return self.server.forge

    def run(
        self, event: str, payload: Any, *words: str, permissions: Mapping[str, str] | None = None, **variables: str
    ) -> tuple[int, str, str]:
        """Run `sluice forge …` in a step of a job with these permissions."""
        path = self.place / "event.json"
        path.write_bytes(payload if isinstance(payload, bytes) else json.dumps(payload).encode())
        token = self.forge.token("ghs_step", **(REPORTING if permissions is None else permissions))
        settings = {
            "GITHUB_EVENT_NAME": event, "GITHUB_EVENT_PATH": str(path), "GITHUB_REPOSITORY": self.forge.full_name,
            "GITHUB_RUN_ID": "900", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_API_URL": self.server.url,
            "GITHUB_SERVER_URL": "https://github.com", "GITHUB_TOKEN": token,
            "GITHUB_OUTPUT": str(self.place / "output"), **variables,
        }  # fmt: skip
        (self.place / "output").write_text("")
        with self.monkeypatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            return self.sluice("forge", *words)

    def finished(self, *words: str, head: str = HEAD, run: int = 501, **changes: Any) -> tuple[int, str, str]:
        """Run a verb in answer to a finished run of the judging workflow."""
        return self.run("workflow_run", run_event(self.forge, head, run, **changes), *words)

    def outputs(self) -> dict[str, str]:
        """What the step wrote to GITHUB_OUTPUT, one-line values only."""
        lines = (self.place / "output").read_text().split("\n")
        starts = [(index, line.partition("<<")) for index, line in enumerate(lines) if "<<" in line]
        return {name: "\n".join(lines[index + 1 : lines.index(end, index + 1)]) for index, (name, _, end) in starts}

    def upload(self, judgement: Judgement, run: int = 501, head: str = HEAD, event: str = "pull_request") -> None:
        """Store what a run of the judging workflow found."""
        self.forge.add_artifact(run, packed(judgement), head)
        self.forge.runs[run] = Run(run, WORKFLOW, event, head)

    def reports(self, number: int = 7) -> list[str]:
        """Our reports on a pull request."""
        texts = [one["body"] for one in self.forge.comments_on(number) if one["user"]["login"] == BOT]
        return [text for text in texts if text.startswith("<!-- sluice:report -->")]

    def replies(self, number: int = 7) -> list[str]:
        """Our answers to commands."""
        texts = [one["body"] for one in self.forge.comments_on(number) if one["user"]["login"] == BOT]
        return [text for text in texts if text.startswith("<!-- sluice:reply")]

    def changes(self, head: str, *files: Mapping[str, Any]) -> None:
        """What a head changes, as the forge tells it."""
        self.forge.comparisons[(BASE, head)] = {"merge_base": BASE, "files": list(files)}


ALL = factory.ALL
