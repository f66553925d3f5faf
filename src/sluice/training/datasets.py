"""The sample application's datasets, composed from the language file and one seed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sluice.catalog import DIRECTORIES, writable
from sluice.training import cases, portal, probe, tickets
from sluice.training.language import Language, load

SEED = 1
LANGUAGE = Path("portal-small") / "language.yaml"
TAUGHT_TICKETS, ASKED_TICKETS = 4000, 420
NEAR_DUPLICATE = 0.8
"""Jaccard similarity of word 3-shingles from which two texts count as the same."""
DISTANT = 0.65
"""Asked tickets stay below this, so that other ways to cut shingles agree."""


def compose(language: Language) -> dict[str, list[dict[str, Any]]]:
    """Dataset name -> rows, a pure function of the language."""
    world = portal.build(language, SEED)
    taught, asked = _apart(*tickets.build(language, SEED, TAUGHT_TICKETS, ASKED_TICKETS))
    refusal = str(language["house"]["refusal"])
    questions = [
        case.row(f"q-{number:04d}", refusal) for number, case in enumerate(cases.build(language, world, SEED), start=1)
    ]
    probes = [
        {"id": f"i-{number:04d}", "cell": f"{row['instruction']}-{row['wording']}", **row}
        for number, row in enumerate(probe.build(language, world, asked, SEED), start=1)
    ]
    return {
        "portal-docs": _documents(world),
        "portal-questions": questions,
        "portal-tickets": [ticket.row(f"s-{number:04d}") for number, ticket in enumerate(asked, start=1)],
        "portal-instructions": probes,
        "portal-training": portal.taught_rows(language, world),
        "portal-ticket-training": [ticket.row(f"u-{number:04d}") for number, ticket in enumerate(taught, start=1)],
    }


def write(root: Path) -> list[Path]:
    """Write every dataset's rows under the repository root; returns the files, cards are left alone."""
    written = []
    for name, rows in compose(load(root / "models" / LANGUAGE)).items():
        path = writable(root, f"{DIRECTORIES['dataset']}/{name}.jsonl")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(canonical(rows), encoding="utf-8")
        written.append(path)
    return written


def canonical(rows: Iterable[Mapping[str, Any]]) -> str:
    """JSON Lines with sorted keys and a final newline."""
    return "".join(json.dumps(row, sort_keys=True, ensure_ascii=False) + "\n" for row in rows)


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a dataset file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _documents(world: portal.Portal) -> list[dict[str, Any]]:
    articles = sorted((*world.articles, *world.archive.values()), key=lambda article: int(article.id[3:]))
    return [
        {
            "id": article.id,
            "title": article.title,
            "topic": article.topic,
            "status": "archived" if article.archived else "in force",
            "text": article.text,
        }
        for article in articles
    ]


def _apart(
    taught: list[tickets.Ticket], asked: list[tickets.Ticket]
) -> tuple[list[tickets.Ticket], list[tickets.Ticket]]:
    """Both lists without near-duplicates between them: taught tickets go first, then asked ones with a wider margin."""
    index = ShingleIndex(ticket.text for ticket in asked)
    kept = [ticket for ticket in taught if index.nearest(ticket.text) < NEAR_DUPLICATE]
    learnt = ShingleIndex(ticket.text for ticket in kept)
    return kept, [ticket for ticket in asked if learnt.nearest(ticket.text) < DISTANT]


class ShingleIndex:
    """Texts by their word 3-shingles, to find the most similar one quickly."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.sets = [shingles(text) for text in texts]
        self.holders: dict[tuple[str, ...], list[int]] = {}
        for number, found in enumerate(self.sets):
            for shingle in found:
                self.holders.setdefault(shingle, []).append(number)

    def nearest(self, text: str) -> float:
        """The largest Jaccard similarity of a text with the indexed ones."""
        own = shingles(text)
        shared: dict[int, int] = {}
        for shingle in own:
            for number in self.holders.get(shingle, ()):
                shared[number] = shared.get(number, 0) + 1
        return max((n / (len(own) + len(self.sets[i]) - n) for i, n in shared.items()), default=0.0)


def shingles(text: str) -> set[tuple[str, ...]]:
    """Word 3-shingles of a text, lower case, without punctuation at the ends of words; short texts are one shingle."""
    words = [word for raw in text.lower().split() if (word := raw.strip(".,:;?!\"'"))]
    return {tuple(words[start : start + 3]) for start in range(max(1, len(words) - 2))}
