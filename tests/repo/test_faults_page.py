"""docs/faults.md lists exactly the faults that tests are marked with, each with its outcome and its test."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Row = tuple[str, str, str]


def marked() -> Iterator[Row]:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "fault(" not in text or path == Path(__file__):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("pytest.mark.fault", "fault"):
                name, outcome = (ast.literal_eval(argument) for argument in node.args)
                yield name, outcome, str(path.relative_to(ROOT))


def listed() -> Iterator[Row]:
    for line in (ROOT / "docs" / "faults.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 3 and cells[0] != "fault":
            name, outcome, link = cells
            yield name, outcome, link.removeprefix("[").partition("]")[0]


def test_the_page_and_the_tests_list_the_same_faults() -> None:
    tests, page = list(marked()), list(listed())
    assert len(tests) >= 40
    assert len({name for name, _, _ in tests}) == len(tests), "each fault has one test"
    assert sorted(page) == sorted(tests)


def test_the_links_lead_to_the_tests() -> None:
    text = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    assert all(f"[{path}](../{path})" in text for _, _, path in listed())
