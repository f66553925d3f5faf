"""The JSON Schemas that editors use are those of the code, and accept what this repository ships."""

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from sluice.catalog import PATTERNS
from sluice.schema import KINDS

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "src/sluice/schemas"
FILES = [(kind, path) for kind in KINDS for path in sorted(ROOT.glob(PATTERNS[kind]))]


def schema(kind: str) -> dict:
    return json.loads((SCHEMAS / f"{kind}.json").read_text(encoding="utf-8"))


def test_there_is_one_schema_for_each_kind_and_no_other() -> None:
    assert {path.stem for path in SCHEMAS.glob("*.json")} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_are_schemas(kind: str) -> None:
    Draft202012Validator.check_schema(schema(kind))


@pytest.mark.parametrize(("kind", "path"), FILES, ids=[str(path.relative_to(ROOT)) for _, path in FILES])
def test_shipped_files_satisfy_them(kind: str, path: Path) -> None:
    """An independent validator reads the file as an editor's language server would."""
    Draft202012Validator(schema(kind)).validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_keys_are_refused(kind: str) -> None:
    path = next(path for other, path in FILES if other == kind)
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    with pytest.raises(ValidationError, match="descriptoin"):
        Draft202012Validator(schema(kind)).validate({**content, "descriptoin": "a slip of the finger"})


@pytest.mark.parametrize(("kind", "path"), FILES, ids=[str(path.relative_to(ROOT)) for _, path in FILES])
def test_the_first_line_tells_editors_the_schema(kind: str, path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert found, first
    assert (path.parent / found[1]).resolve() == SCHEMAS / f"{kind}.json"


def test_the_editor_settings_name_each_schema_and_its_files() -> None:
    settings = json.loads((ROOT / ".vscode/settings.json").read_text(encoding="utf-8"))["yaml.schemas"]
    assert settings == {f"./src/sluice/schemas/{kind}.json": PATTERNS[kind] for kind in KINDS}
