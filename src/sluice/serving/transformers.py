"""Engine `local` behind an endpoint: `transformers serve` of this environment, on the CPU, in float32.

It lists and loads what lies in a hub's cache, so the weights are laid out as one, under the model's own name: then
`/v1/models` says what answers. The files are links; the snapshot is named by the weights' digest.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from sluice.digest import short
from sluice.errors import CannotJudge
from sluice.serving.deployment import Deployment, Weights
from sluice.serving.start import Start

NEEDED = ("transformers", "torch", "fastapi", "uvicorn", "openai", "accelerate")
_COMMIT_LETTERS = 40


def require_installed() -> None:
    """Raise CannotJudge where a package is missing that `transformers serve` needs."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise CannotJudge(
            f"`transformers serve` needs {', '.join(missing)}: pip install '.[local,serve]' in this clone "
            "(evals of the embedded model need no server: leave --serve out)"
        )


def transformers_serve(served: Deployment, weights: Weights, state: Path, port: int) -> Start:
    """Return the start of a server of one model; its weights are laid out below the state directory."""
    cache = state / "serve" / "hub" / short(served.weights)
    lay_out(cache, served, weights.directory)
    words = (
        *(sys.executable, "-m", "sluice.serving.attached", "transformers", "serve", served.model),
        *("--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"),
    )
    environment = {"HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    return Start(f"local-{served.model}-{short(served.digest)}", words, port, environment)


def lay_out(cache: Path, served: Deployment, weights: Path) -> None:
    """Make a hub's cache that holds one model in one revision."""
    repository = cache / f"models--{served.model}"
    commit = served.weights.removeprefix("sha256:")[:_COMMIT_LETTERS]
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True, exist_ok=True)
    for path in sorted(weights.iterdir()):
        link = snapshot / path.name
        if not path.is_file():
            continue
        link.unlink(missing_ok=True)
        link.symlink_to(path.resolve())
    (repository / "refs").mkdir(exist_ok=True)
    (repository / "refs" / "main").write_text(commit)
