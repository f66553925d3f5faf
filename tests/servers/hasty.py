"""The provider as `sluice eval` uses it, with less patience, so that tests of faults do not wait as people do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sluice.providers.openai import OpenAIProvider
from sluice.providers.retry import RetryPolicy, Timeouts

Hurry = Callable[..., None]


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> Hurry:
    """Give every provider that a command opens these timeouts and retries."""

    def set_patience(timeouts: Timeouts | None = None, retries: RetryPolicy | None = None) -> None:
        short = RetryPolicy(base=0.002, cap=0.02, retry_after_cap=0.2)
        defaults = (None, 32, timeouts or Timeouts(), retries or short, 3)
        monkeypatch.setattr(OpenAIProvider.__init__, "__defaults__", defaults)

    set_patience()
    return set_patience
