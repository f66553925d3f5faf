"""The loss curve: as CSV for machines and as a plain SVG for people."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from sluice.training.loop import Point

WIDTH, HEIGHT, MARGIN = 720, 300, 48
SERIES = (("loss", "#b4451f"), ("accuracy", "#1f6fb4"))


def csv(points: Sequence[Point]) -> str:
    """One line per report: stage, step, loss and token accuracy (means since the line before)."""
    lines = [f"{point.stage},{point.step},{point.loss:.5f},{point.accuracy:.5f}" for point in points]
    return "\n".join(["stage,step,loss,accuracy", *lines]) + "\n"


def svg(points: Sequence[Point]) -> str:
    """Loss (left axis) and token accuracy (right axis, 0 to 1) over the steps."""
    steps = max(point.step for point in points)
    highest = max(point.loss for point in points)
    values = {"loss": [p.loss / highest for p in points], "accuracy": [p.accuracy for p in points]}
    lines = [_line([p.step / steps for p in points], values[name], colour) for name, colour in SERIES]
    ticks = [
        _text(_x(share), HEIGHT - MARGIN + 18, f"{round(steps * share)}", "middle") for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    ticks += [_text(MARGIN - 6, _y(share) + 4, f"{highest * share:.1f}", "end") for share in (0, 0.5, 1)]
    ticks += [_text(WIDTH - MARGIN + 6, _y(share) + 4, f"{share:.1f}", "start") for share in (0, 0.5, 1)]
    legend = [
        _text(WIDTH - MARGIN - 8, _y(0.5) + 20 * index, name, "end", colour)
        for index, (name, colour) in enumerate(SERIES)
    ]
    frame = (
        f'<rect x="{MARGIN}" y="{MARGIN / 2}" width="{WIDTH - 2 * MARGIN}" height="{HEIGHT - 1.5 * MARGIN}" '
        'fill="none" stroke="#888"/>'
    )
    body = "\n".join([frame, *lines, *ticks, *legend])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">\n'
        f"<title>Loss and token accuracy by step</title>\n"
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _x(share: float) -> float:
    return MARGIN + share * (WIDTH - 2 * MARGIN)


def _y(share: float) -> float:
    return HEIGHT - MARGIN - share * (HEIGHT - 1.5 * MARGIN)


def _line(across: Sequence[float], up: Sequence[float], colour: str) -> str:
    dots = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in zip(across, up, strict=True))
    return f'<polyline points="{dots}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#444") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
