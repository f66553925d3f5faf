"""The client of a GitHub-compatible REST API: JSON, pages, retries within a budget, and errors that say what to do."""

from __future__ import annotations

import json
import random
import re
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sluice.errors import UsageError
from sluice.forge.failures import Conflict, ForgeError, Missing, NotAllowed, Rejected, Unsure
from sluice.forge.patience import Patience, is_limited, limited_for
from sluice.forge.transport import (
    MOST_BYTES,
    HttpTransport,
    Message,
    Reply,
    Transport,
    Unreachable,
    checked_url,
    follow,
    origin,
)
from sluice.providers.retry import retryable

API_VERSION = "2022-11-28"
MEDIA_TYPE = "application/vnd.github+json"
MOST_PAGES = 100
REPOSITORY_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9-]{0,99}/[A-Za-z0-9._-]{1,100}$"

_NEXT = re.compile(r'<([^<>]+)>\s*;\s*rel="next"')
_SAFE_AGAIN = frozenset({"GET", "PATCH", "PUT", "DELETE"})
"""Methods whose requests here may be carried out twice with the effect of once."""
_ERRORS: dict[int, type[ForgeError]] = {
    401: NotAllowed, 403: NotAllowed, 404: Missing, 409: Conflict, 410: Missing, 422: Rejected,
}  # fmt: skip


class GitHub:
    """One repository at one API, with one token. No message and no repr shows the token.

    Paths are relative to the repository, or to the API where they begin with `/`. Waits (seconds) are taken from
    one budget for the client's whole life, so that a job ends with a reason before its time-out ends it without.
    """

    def __init__(
        self,
        api_url: str,
        repository: str,
        token: str,
        *,
        transport: Transport | None = None,
        patience: Patience = Patience(),  # noqa: B008 (frozen)
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if not re.fullmatch(REPOSITORY_PATTERN, repository):
            raise UsageError("the repository must be given as owner/name")
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise UsageError("GITHUB_TOKEN is empty or no token; give the step `GITHUB_TOKEN: ${{ github.token }}`")
        self.repository = repository
        self._api = checked_url(api_url).rstrip("/")
        self._token = token
        self._transport = transport or HttpTransport()
        self._patience = patience
        self._left = patience.budget
        self._sleep = sleep
        self._now = now

    def __repr__(self) -> str:
        return f"GitHub({self._api!r}, {self.repository!r})"

    def get(self, path: str, **query: str | int) -> Any:
        """Return the parsed answer of a GET."""
        return _parsed(self._carry("GET", self._url(path, query), None))

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Change something and return the parsed answer, None where it has no body.

        Raises Unsure where a POST may have been carried out although no answer came back.
        """
        return _parsed(self._carry(method, self._url(path, {}), body))

    def pages(self, path: str, key: str | None = None, **query: str | int) -> Iterator[Any]:
        """Yield the items of all pages; `key` names the list where a page is an object."""
        url = self._url(path, {"per_page": 100, **query})
        for _ in range(MOST_PAGES):
            reply = self._carry("GET", url, None)
            page = _parsed(reply)
            items = page.get(key) if key and isinstance(page, dict) else page
            if not isinstance(items, list):
                raise ForgeError(f"the forge's answer to GET {path} is no list; is {self._api} a GitHub API?")
            yield from items
            following = _NEXT.search(reply.headers.get("link", ""))
            if following is None:
                return
            url = self._same_origin(following.group(1))
        raise ForgeError(f"GET {path} has more than {MOST_PAGES} pages; nobody reads that many")

    def download(self, path: str, limit: int) -> bytes:
        """Return the bytes that a GET leads to, over redirects, at most `limit`."""
        return self._carry("GET", self._url(path, {}), None, limit).data

    def pause(self, attempt: int) -> None:
        """Wait as after failed attempt number `attempt` (from 1), within the budget."""
        self._wait(self._patience.backoff.delay(attempt, None, random.random()))

    def _url(self, path: str, query: Mapping[str, str | int]) -> str:
        place = path if path.startswith("/") else f"/repos/{self.repository}/{path}"
        return self._api + place + (f"?{urllib.parse.urlencode(query)}" if query else "")

    def _same_origin(self, url: str) -> str:
        absolute = urllib.parse.urljoin(self._api + "/", url)
        if origin(absolute) != origin(self._api):
            raise ForgeError("the forge's next page lies on another host; it was not read")
        return absolute

    def _carry(self, method: str, url: str, body: Mapping[str, Any] | None, limit: int = MOST_BYTES) -> Reply:
        message = Message(method, url, self._headers(body), None if body is None else _encoded(body))
        for attempt in range(1, self._patience.attempts + 1):
            last = attempt == self._patience.attempts
            try:
                reply = follow(self._transport, message, limit)
            except Unreachable as trouble:
                self._after_trouble(message, trouble, attempt, last)
                continue
            if is_limited(reply):
                self._after_limit(message, reply, attempt, last)
            elif not retryable(reply.status) or last:
                return self._answer(message, reply)
            elif method not in _SAFE_AGAIN:
                raise Unsure(f"{self._names(message)}: the forge failed ({reply.status}) and may have done it")
            else:
                self.pause(attempt)
        raise AssertionError("the last attempt returns or raises")

    def _after_trouble(self, message: Message, trouble: Unreachable, attempt: int, last: bool) -> None:
        if trouble.sent and message.method not in _SAFE_AGAIN:
            raise Unsure(f"{self._names(message)}: {trouble}, and the forge may have done it")
        if last:
            raise ForgeError(f"{self._names(message)}: {trouble}, {attempt} times; run the job again later")
        self.pause(attempt)

    def _after_limit(self, message: Message, reply: Reply, attempt: int, last: bool) -> None:
        wait = limited_for(reply, attempt, self._now())
        if last or wait > self._left:
            told = "a rate limit of the forge was met"
            raise ForgeError(f"{self._names(message)}: {told}; run the job again {_after(self._now(), wait)}")
        self._wait(wait)

    def _wait(self, seconds: float) -> None:
        if seconds > self._left:
            raise ForgeError(f"the forge gave no good answer in {self._patience.budget:.0f} s; run the job again later")
        self._left -= seconds
        self._sleep(seconds)

    def _answer(self, message: Message, reply: Reply) -> Reply:
        if 200 <= reply.status < 300:
            return reply
        if retryable(reply.status) and message.method not in _SAFE_AGAIN:
            raise Unsure(f"{self._names(message)}: the forge failed ({reply.status}) and may have done it")
        kind = _ERRORS.get(reply.status, ForgeError)
        raise kind(f"{self._names(message)}: {self._explained(reply)}")

    def _explained(self, reply: Reply) -> str:
        said = self._said(reply)
        match reply.status:
            case 401:
                return f"the forge does not know the token ({said}); is GITHUB_TOKEN this step's, and valid?"
            case 403:
                needed = _words(reply.headers.get("x-accepted-github-permissions", ""), 100)
                grant = f"`{needed}`" if needed else "the permission that the docs name for it"
                return f"the token may not do this ({said}); grant the job {grant}"
            case 404 | 410:
                return f"not found ({said}); it is gone, or the job's permissions hide it"
            case 409:
                return f"somebody else changed it meanwhile ({said}); run the job again"
            case 422:
                return f"the forge rejects the request as it stands ({said})"
            case status if status >= 500 or status == 408:
                return f"the forge failed ({status}) {self._patience.attempts} times; run the job again later"
        return f"the forge answered {reply.status} ({said})"

    def _said(self, reply: Reply) -> str:
        """Return the forge's own message, on one line, without the token."""
        try:
            body = json.loads(reply.data)
        except (ValueError, RecursionError):
            return str(reply.status)
        body = body if isinstance(body, dict) else {}
        errors = body.get("errors")
        told = [str(body.get("message", "")), *map(_error_words, errors if isinstance(errors, list) else [])]
        text = "; ".join(filter(None, told)).replace(self._token, "***")
        return f"{reply.status}: {_words(text, 300)}" if text else str(reply.status)

    def _headers(self, body: Mapping[str, Any] | None) -> dict[str, str]:
        headers = {
            "Accept": MEDIA_TYPE,
            "Authorization": f"Bearer {self._token}",
            "User-Agent": "sluice",
            "X-GitHub-Api-Version": API_VERSION,
        }
        return headers if body is None else {**headers, "Content-Type": "application/json"}

    def _names(self, message: Message) -> str:
        path = urllib.parse.urlsplit(message.url).path
        base = urllib.parse.urlsplit(self._api).path + f"/repos/{self.repository}/"
        return f"{message.method} {_words(path.removeprefix(base), 200)}"


def _error_words(error: object) -> str:
    return str(error.get("message") or error.get("code") or "") if isinstance(error, dict) else str(error)


def _encoded(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=True, allow_nan=False).encode("ascii")


def _parsed(reply: Reply) -> Any:
    if not reply.data:
        return None
    try:
        return json.loads(reply.data)
    except (ValueError, RecursionError):
        raise ForgeError("the forge's answer is no JSON; is GITHUB_API_URL a GitHub API?") from None


def _words(text: str, limit: int) -> str:
    """Return printable text on one line; what comes from the forge may go to a log."""
    line = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(line.split())
    return line if len(line) <= limit else line[: limit - 1] + "\u2026"


def _after(now: datetime, seconds: float) -> str:
    try:
        return f"after {(now + timedelta(seconds=seconds)):%Y-%m-%d %H:%M} UTC"
    except OverflowError:
        return "later"
