import pytest
from pydantic import ValidationError

from sluice.training.recipe import Schedule, parse

SECTION = {
    "seed": 1,
    "facts": "portal-training",
    "tickets": "portal-ticket-training",
    "architecture": {"layers": 2, "heads": 1, "intermediate": 64, "context": 256, "vocabulary": 1400},
    "copying": {"steps": 2, "batch": 2, "length": 16, "rate": 0.001},
    "schedule": {"steps": 6, "warmup": 2, "rate": 0.002, "decay": 0.5, "final": 0.1},
    "batch": 2,
    "tokenizer_conversations": 200,
    "threads": 1,
    "checkpoint_every": 3,
}


def test_heads_have_64_dimensions():
    assert parse(SECTION).architecture.hidden == 64


def test_an_unknown_key_is_refused():
    with pytest.raises(ValidationError, match="sedd"):
        parse(SECTION | {"sedd": 1})


def test_the_rate_warms_up_holds_and_decays_to_the_final_share():
    schedule = Schedule(steps=1000, warmup=100, rate=0.002, decay=0.4, final=0.1)
    assert schedule.rate_at(0) == pytest.approx(0.002 / 100)
    assert schedule.rate_at(99) == schedule.rate_at(599) == pytest.approx(0.002)
    assert schedule.rate_at(800) == pytest.approx(0.002 * (0.1 + 0.9 * 0.5))
    assert schedule.rate_at(999) == pytest.approx(0.002 * 0.1, rel=0.05)
