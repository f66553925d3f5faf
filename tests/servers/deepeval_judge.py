"""A scripted judge for DeepEval's metrics: every answer follows from the prompt alone, in any shape."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

from servers.tgi_contract import Generation, text_of


def scripted(generation: Generation) -> str:
    """Answer with all that DeepEval's metrics may ask for; each reads its part."""
    return json.dumps(answer_to(text_of(generation.messages[-1])))


def answer_to(prompt: str) -> dict[str, Any]:
    drawn = random.Random(hashlib.sha256(prompt.strip().encode()).digest())
    count = drawn.randint(2, 6)
    sentences = [f"sentence {drawn.randint(1, 99)}" for _ in range(count)]
    verdicts = [
        {
            "verdict": drawn.choice(("yes", "no")),
            "reason": f"reason {drawn.randint(1, 99)}",
            "statement": f"statement {drawn.randint(1, 99)}",
        }
        for _ in range(count)
    ]
    lists = ("statements", "truths", "claims", "opinions", "questions", "answers", "extracted_pii", "misuses")
    return {
        **dict.fromkeys(lists, sentences),
        "verdicts": verdicts,
        "reason": f"because of {drawn.randint(1, 99)}",
        "score": drawn.randint(0, 10),
    }
