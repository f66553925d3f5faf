"""`scripts/tools NAME` brings one program: whoever asks for one, in a script or a message, asks for a known one."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "scripts/tools.py"


def known() -> set[str]:
    spec = importlib.util.spec_from_file_location("tools", TOOLS)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return set(module.BUILT)


def test_whoever_asks_for_a_program_asks_for_one_that_is_known():
    places = [*(ROOT / "scripts").rglob("*"), *(ROOT / "src").rglob("*.py"), *(ROOT / "docs").glob("*.md")]
    texts = [path.read_text(encoding="utf-8") for path in places if path.is_file() and path.suffix != ".pyc"]
    asked = [name for text in texts for name in re.findall(r"scripts/tools (kustom\w+|act\w*|kube\S+)", text)]
    assert "kustomize" in asked and set(asked) <= known()
    assert (ROOT / "scripts/ci/kustomize").read_text().rstrip().endswith("|| scripts/tools kustomize")


def test_another_name_is_refused_with_those_that_are_known():
    done = subprocess.run([sys.executable, TOOLS, "kustomise"], capture_output=True, text=True)
    assert done.returncode == 1 and "no kustomise" in done.stderr and "kustomize" in done.stderr
