"""A server under test, the contract server or a real one, spoken to with nothing but the standard library."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    data: bytes

    def json(self) -> Any:
        return json.loads(self.data)

    def events(self) -> list[Any]:
        """The data of server-sent events; `[DONE]` as text."""
        lines = [line.removeprefix("data:").strip() for line in self.data.decode().splitlines()]
        return [line if line == "[DONE]" else json.loads(line) for line in lines if line and not line.startswith(":")]


@dataclass
class Target:
    """Where a server listens, and the contract server itself where it is one."""

    url: str
    key: str | None
    real: bool
    contract: Any = field(default=None, repr=False)

    def get(self, path: str) -> Answer:
        return self.send("GET", path, None, {})

    def post(self, path: str, body: Any, *, key: bool = True) -> Answer:
        headers = {"Content-Type": "application/json"}
        if key and self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        return self.send("POST", path, json.dumps(body).encode(), headers)

    def send(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> Answer:
        message = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(message, timeout=120) as response:
                return Answer(response.status, _lower(response.headers), response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, _lower(error.headers), error.read())

    def info(self) -> dict[str, Any]:
        return self.get("/info").json()

    def expect_violation(self) -> None:
        """Take back the violations that a test makes on purpose; there must be some."""
        if self.contract is not None:
            assert self.contract.violations
            self.contract.violations.clear()


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
