"""A server in a bad mood: most questions meet faults that may pass, each question at most a few of them."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from dataclasses import dataclass, field

from servers import faults
from servers.faults import Fault

LIMIT = 4
"""The most faults that one question meets: fewer than the attempts of a case, so that none may end as an error."""


def _ways(rng: random.Random) -> Fault:
    if rng.random() < 0.01:  # each holds a place until the attempt is given up
        return faults.slow_loris(0.02, pieces=1000)
    return rng.choice(
        [
            faults.reset(),
            faults.reset_mid_body(),
            faults.overloaded(),
            faults.overloaded(rng.choice(["0", "0.01", "soon", "-1", "999999999"])),
            faults.error(rng.choice([408, 500, 502, 503, 504])),
            faults.error(503, Retry_After="0.01"),
            faults.delay(rng.uniform(0, 0.005)),
        ]
    )


@dataclass
class Chaos:
    """Call it with each question's body; it gives a fault, or None for an honest answer. The same for the same seed."""

    seed: int
    share: float = 0.4
    met: Counter[str] = field(default_factory=Counter)
    played: int = 0

    def __call__(self, body: str) -> Fault | None:
        question = hashlib.sha256(body.encode()).hexdigest()
        self.met[question] += 1
        rng = random.Random(f"{self.seed} {question} {self.met[question]}")
        if self.met[question] > LIMIT or rng.random() > self.share:
            return None
        self.played += 1
        return _ways(rng)
