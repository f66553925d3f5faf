"""A judge for tests: the files that declare it in a miniature repository, and what a contract server answers as it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from miniature import SUITE, write
from servers.tgi_contract import Generation, text_of

GRADE = {
    "type": "object",
    "required": ["pass", "score", "reason"],
    "properties": {
        "pass": {"type": "boolean"},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "reason": {"type": "string"},
    },
}
JUDGE = {
    "description": "Grades an answer by a rubric.",
    "owners": ["tests"],
    "model": "served",
    "parameters": {"max_tokens": 64, "temperature": 0},
    "inputs": {"output": {"type": "string"}, "rubric": {"type": "string"}, "question": {"type": "string"}},
    "messages": [
        {"role": "system", "content": "You are the judge. Grade the answer as JSON."},
        {"role": "user", "content": "Question: {{ question }}\nRubric: {{ rubric }}\nAnswer:\n{{ output }}"},
    ],
    "output": {"type": "json", "schema": GRADE},
}
WINNER = {
    "type": "object",
    "required": ["winner"],
    "properties": {"winner": {"enum": ["first", "second", "tie"]}, "reason": {"type": "string"}},
}
REFEREE = {
    **JUDGE,
    "inputs": {
        "first": {"type": "string"},
        "second": {"type": "string"},
        "rubric": {"type": "string"},
        "question": {"type": "string"},
    },
    "messages": [
        {"role": "system", "content": "You are the referee. Say which answer is better."},
        {"role": "user", "content": "{{ question }}\n{{ rubric }}\n{{ first }}\n{{ second }}"},
    ],
    "output": {"type": "json", "schema": WINNER},
}
RUBRIC = {"metric": "helpful", "type": "llm-rubric", "judge": "grade", "value": "Names {{ expected }}."}


def judged(root: Path, *assertions: dict[str, Any], **suite: Any) -> None:
    """Write a judge, a referee and a suite that asks them; nothing is committed."""
    write(root, "prompts/grade.yaml", JUDGE)
    write(root, "prompts/referee.yaml", REFEREE)
    own = list(assertions) or [RUBRIC]
    gates = {one["metric"]: {"max_drop": 0.05, "tier": "warn"} for one in own}
    gates |= {"correct": {"max_drop": 0.3}}
    write(root, "evals/answer.yaml", {**SUITE, "assertions": [*SUITE["assertions"], *own], "gates": gates, **suite})


def asks_judge(generation: Generation) -> bool:
    """Whether a request is one to the judge or the referee."""
    return text_of(generation.messages[0]).startswith("You are the ")


def outputs_of(generation: Generation) -> list[str]:
    """The outputs that a judge was shown, between their marks."""
    found = re.findall(r"<((?:output|first|second)-\w+)>\n(.*?)\n</\1>", text_of(generation.messages[-1]), re.DOTALL)
    return [text for _, text in found]


def judging(answer: Callable[[Generation], Any], grade: Callable[[Generation, str], Any]) -> Callable[..., Any]:
    """Answer as a model does, and as a judge where one is asked: `grade` gives JSON data, or text as it is."""

    def both(generation: Generation) -> Any:
        if not asks_judge(generation):
            return answer(generation)
        given = grade(generation, outputs_of(generation)[0])
        return given if isinstance(given, str) else json.dumps(given)

    return both


def strict(generation: Generation, output: str) -> dict[str, Any]:
    """Pass what names the rubric's word."""
    word = re.search(r"Names (\S+)\.", text_of(generation.messages[-1]))[1]
    good = word in output
    return {"pass": good, "score": 1.0 if good else 0.2, "reason": f"{word} is {'' if good else 'not '}there"}


def halving(generation: Generation) -> str:
    """Answer a question's last word; a system message with `halves` loses every second answer."""
    system, question = text_of(generation.messages[0]), text_of(generation.messages[-1])
    lost = "halves" in system and int(re.search(r"number (\d+)", question)[1]) % 2
    return "no idea" if lost else question.split()[-1]
