"""JUnit XML as Jenkins, GitLab and other CI systems read it: a test case for each case and repeat."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from sluice.interchange.exported import ExportedRun
from sluice.results import CaseInfo, CaseResult

MOST_MESSAGE = 300
"""Characters of a message in a list of tests; the whole text stands inside the element."""
_FORBIDDEN = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold even escaped, and carriage returns, which readers turn into line feeds."""


def encode(runs: Sequence[ExportedRun]) -> bytes:
    """Return the document: a test suite for each run."""
    root = Xml.Element("testsuites", {"name": "sluice", **_counts(runs)})
    root.extend(_suite(run) for run in runs)
    Xml.indent(root)
    document: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _counts(runs: Sequence[ExportedRun]) -> dict[str, str]:
    results = [result for run in runs for _, result in run.results]
    states = Counter(result.state for result in results)
    seconds = sum(result.latency or 0 for result in results)
    counts = {"tests": len(results), "failures": states["fail"], "errors": states["error"]}
    return {**{name: str(count) for name, count in counts.items()}, "time": _seconds(seconds)}


def _suite(run: ExportedRun) -> Xml.Element:
    skipped = sum(result.state == "skipped" for _, result in run.results)
    suite = Xml.Element(
        "testsuite", {"name": f"{_clean(run.suite)} ({run.side})", **_counts([run]), "skipped": str(skipped)}
    )
    properties = Xml.SubElement(suite, "properties")
    for name, value in _properties(run).items():
        Xml.SubElement(properties, "property", {"name": name, "value": _clean(value)})
    repeated = {info.id for info, result in run.results if result.repeat}
    suite.extend(_case(run, info, result, info.id in repeated) for info, result in run.results)
    return suite


def _properties(run: ExportedRun) -> dict[str, str]:
    header = run.header
    named = {
        "suite": run.suite, "side": run.side, "prompt": run.prompt, "dataset": run.dataset, "model": run.model,
        "closure": header.closure, "plan": header.plan, "planned": str(header.planned), "label": header.label,
    }  # fmt: skip
    return {**named, "commit": header.commit} if header.commit else named


def _case(run: ExportedRun, info: CaseInfo, result: CaseResult, repeated: bool) -> Xml.Element:
    name = f"{info.id} #{result.repeat + 1}" if repeated else info.id
    case = Xml.Element("testcase", {"name": _clean(name), "classname": _clean(f"{run.suite}.{run.side}")})
    if result.latency is not None:
        case.set("time", _seconds(result.latency))
    case.extend(_outcome(result))
    if result.output:
        Xml.SubElement(case, "system-out").text = _clean(result.output)
    return case


def _outcome(result: CaseResult) -> list[Xml.Element]:
    """Return what tells the state; an error is never a failure, and a skipped case is neither."""
    if result.state == "fail":
        return [_told("failure", "assertion", _failed(result))]
    if result.state == "error":
        return [_told("error", result.error_kind or "error", result.error or "no message is kept")]
    if result.state == "skipped":
        return [Xml.Element("skipped", {"message": _message(result.error or "skipped")})]
    return []


def _failed(result: CaseResult) -> str:
    failed = {name: score for name, score in sorted(result.metrics.items()) if not score.passed}
    lines = [f"{name} ({score.value:g}): {score.reason}".removesuffix(": ") for name, score in failed.items()]
    return "\n".join(lines) or "failed"


def _told(tag: str, kind: str, text: str) -> Xml.Element:
    element = Xml.Element(tag, {"type": _clean(kind), "message": _message(text)})
    element.text = _clean(text)
    return element


def _message(text: str) -> str:
    line = " ".join(_clean(text).split())
    return line if len(line) <= MOST_MESSAGE else f"{line[: MOST_MESSAGE - 1]}\u2026"


def _seconds(value: float) -> str:
    return f"{value:.3f}"


def _clean(text: str) -> str:
    r"""Return the text with every character that XML 1.0 cannot hold as an escape such as `\x1b`."""
    return _FORBIDDEN.sub(lambda match: ascii(match[0])[1:-1], text.replace("\r\n", "\n"))
