"""Writing a trained model as a Hugging Face directory, and its digests."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sluice.digest import digest_bytes
from sluice.errors import UsageError
from sluice.training.tokenizer import END, PAD, SPECIAL, save

SERVED = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
"""The files that a server reads; their digests are pinned in the model file."""


def write(model: Any, tokenizer: Any, folder: Path, context: int) -> dict[str, str]:
    """Write config, half-precision weights and tokenizer; returns file -> digest."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: weight.detach().to(torch.float16).contiguous()
        for name, weight in model.state_dict().items()
        if name != "lm_head.weight"
    }
    save_file(weights, str(folder / "model.safetensors"), metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    config = model.config.to_dict() | {"architectures": ["LlamaForCausalLM"], "dtype": "float16"}
    # Servers older than the `rope_parameters` key read the flat one.
    config["rope_theta"] = model.config.rope_parameters["rope_theta"]
    config.pop("transformers_version", None)
    _write_json(folder / "config.json", config)
    end, pad = SPECIAL.index(END), SPECIAL.index(PAD)
    _write_json(folder / "generation_config.json", {"do_sample": False, "eos_token_id": end, "pad_token_id": pad})
    save(tokenizer, folder, context)
    return digests(folder)


def digests(folder: Path) -> dict[str, str]:
    """Digest of every served file of a model directory."""
    return {name: digest_bytes((folder / name).read_bytes()) for name in SERVED}


def parameters(folder: Path) -> int:
    """Number of weights in a model directory."""
    from safetensors import safe_open

    with safe_open(str(folder / "model.safetensors"), framework="pt") as weights:
        shapes = [weights.get_slice(name).get_shape() for name in weights.keys()]  # noqa: SIM118 - not a mapping
    return sum(math.prod(shape) for shape in shapes)


def pin(model_file: Path, found: Mapping[str, str]) -> None:
    """Replace the digests in a model file, line by line, and nothing else; a served file must be listed already."""
    text = model_file.read_text(encoding="utf-8")
    for name, value in found.items():
        text, count = re.subn(rf'^(\s+{re.escape(name)}: )"?sha256:[0-9a-f]*"?$', rf'\1"{value}"', text, flags=re.M)
        if count != 1:
            raise UsageError(f"{model_file.name} lists {name} {count} times under source.files; list it once")
    model_file.write_text(text, encoding="utf-8")


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
