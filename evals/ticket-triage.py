"""An assertion of the triage suite's own."""

import json
from typing import Any


def labels_exactly(output: str, row: dict[str, Any]) -> bool:
    """Whether the answer is exactly the two labels: nothing before, between or after them."""
    try:
        answer = json.loads(output)
    except json.JSONDecodeError:
        return False
    return bool(answer == {"category": row["category"], "priority": row["priority"]})
