"""What a shard leaves behind: its judgement without the clock, and its state under a name of its own."""

import json
import shutil

from sluice.digest import canonical_json

TIMES = ("seconds", "latency")


def without_times(value):
    """A stored judgement without what a clock decides."""
    if isinstance(value, dict):
        return {key: None if key in TIMES else without_times(item) for key, item in value.items()}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def judgement(root):
    return canonical_json(without_times(json.loads((root / ".sluice" / "last-judgement.json").read_bytes())))


def move_state(root, name):
    shutil.move(root / ".sluice", root.parent / f"{root.name}-{name}")
    return root.parent / f"{root.name}-{name}"
