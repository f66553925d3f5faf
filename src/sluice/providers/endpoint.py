"""Where a model is served: endpoint and key of a model from the environment, checked before any call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sluice.errors import UsageError, nearest
from sluice.schema.model import ENGINE_NAMES, EngineName

ENDPOINT_VARIABLE = "SLUICE_ENDPOINT"
KEY_VARIABLE = "SLUICE_API_KEY"
ENGINE_VARIABLE = "SLUICE_ENGINE"
SERVE_VARIABLE = "SLUICE_SERVE"
"""Where it says anything, evals start the servers that they need, as with `--serve`."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The root of a server (without `/v1`) and the key to present there, which never shows in a repr."""

    url: str
    api_key: str | None = field(default=None, repr=False)


def variable_for(prefix: str, name: str) -> str:
    """Return the per-model variable: `SLUICE_ENDPOINT` and `llama-3.1-8b` give `SLUICE_ENDPOINT_LLAMA_3_1_8B`."""
    return f"{prefix}_{name.upper().replace('-', '_').replace('.', '_')}"


def endpoint_for(name: str, environ: Mapping[str, str]) -> Endpoint | None:
    """Return where the model `name` is served, or None where the environment does not say.

    A variable of the model wins over the general one; for the endpoint and the key each on its own.
    Raises UsageError for a value that cannot be used.
    """
    url = _value(ENDPOINT_VARIABLE, name, environ)
    if url is None:
        return None
    key = _value(KEY_VARIABLE, name, environ)
    return Endpoint(server_root(url), None if key is None else usable_key(key))


def engine_at(name: str, environ: Mapping[str, str]) -> EngineName | None:
    """Return which engine answers at a model's endpoint, where the environment says so; UsageError for no engine."""
    said = _value(ENGINE_VARIABLE, name, environ)
    if said is None:
        return None
    found = next((engine for engine in ENGINE_NAMES if engine == said), None)
    if found is None:
        raise UsageError(f"{ENGINE_VARIABLE} is {said!r}; {nearest(said, ENGINE_NAMES)}")
    return found


def _value(prefix: str, name: str, environ: Mapping[str, str]) -> str | None:
    for variable in (variable_for(prefix, name), prefix):
        if value := environ.get(variable, "").strip():
            return value
    return None


def server_root(url: str) -> str:
    """Return the root of a server's URL: no trailing slash, no `/v1`. Raises UsageError where it is none."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bracket without its pair, a port that is no number
        usable = False
    if not usable:
        raise UsageError("an endpoint is a URL such as http://localhost:8080; check " + ENDPOINT_VARIABLE)
    if parts.username is not None or parts.password is not None:
        # The URL is named in messages and runs, so a secret must not be part of it.
        raise UsageError(f"an endpoint's URL must not carry a password; put the key into {KEY_VARIABLE}")
    if parts.query or parts.fragment:
        raise UsageError("an endpoint's URL must not carry a query or a fragment; check " + ENDPOINT_VARIABLE)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/v1')}"


def usable_key(key: str) -> str:
    """Return the key as it may stand in a header; raises UsageError, without showing it, where it may not."""
    stripped = key.strip()
    if not stripped.isascii() or not stripped.isprintable():
        raise UsageError(f"{KEY_VARIABLE} contains characters that no HTTP header may carry; set it again")
    return stripped
