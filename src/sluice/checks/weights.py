"""Rules about weights that the repository carries: inside it, whole, listed by digest, and safe to load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from sluice.catalog import Entry, Tree
from sluice.checks.rule import Context, rules
from sluice.digest import digest_bytes
from sluice.errors import Finding
from sluice.schema import Model, PathSource

_LFS = b"version https://git-lfs.github.com/spec/"
_UNSAFE = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".h5", ".py"}
_WEIGHTS = {".safetensors", ".gguf", ".onnx", ".msgpack"}
_LOADED = {
    "config.json",
    "generation_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "added_tokens.json",
}


def _weights(context: Context) -> Iterator[Finding]:
    tree = context.catalog.tree
    for model in context.catalog.models.values():
        if not isinstance(model.value.source, PathSource):
            continue
        escaping = list(_escapes(tree, model, model.value.source))
        yield from escaping
        if not escaping:
            yield from _manifest(tree, model, model.value.source)
            yield from _lying_there(tree, model, model.value.source)


def _escapes(tree: Tree, model: Entry[Model], source: PathSource) -> Iterator[Finding]:
    expected, fix = "a path inside this repository, relative to its root", "copy the files here"
    if _leaves(source.path):
        yield model.finding(("source", "path"), "model-path-escapes", f"path {source.path!r}", expected, fix)
        return
    for name in source.files:
        target = None if _leaves(name) else tree.escapes(str(PurePosixPath(source.path) / name))
        if _leaves(name) or target:
            found = f"file {name!r}" + (f" ({target})" if target else "")
            yield model.finding(("source", "files", name), "model-path-escapes", found, expected, fix, key=True)


def _leaves(path: str) -> bool:
    """Say whether a path is more than plain names below a directory, on any system."""
    parts = path.split("/")
    return path.startswith(("/", "~")) or ".." in parts or any(mark in path for mark in ("\0", "\\", ":"))


def _manifest(tree: Tree, model: Entry[Model], source: PathSource) -> Iterator[Finding]:
    for name, wanted in source.files.items():
        path, where = str(PurePosixPath(source.path) / name), ("source", "files", name)
        try:
            data = tree.read(path)
        except FileNotFoundError:
            fix = "add the file (sluice train makes it), or remove the entry"
            yield model.finding(where, "weights-missing", f"no file {path}", "every listed file", fix, key=True)
            continue
        if data.startswith(_LFS):
            found = f"{path} is a Git LFS pointer"
            yield model.finding(where, "weights-lfs-pointer", found, "the file itself", "run git lfs pull", key=True)
        elif digest_bytes(data) != wanted:
            found, fix = f"{path} with {digest_bytes(data)}", "restore the file, or list its new digest on purpose"
            yield model.finding(where, "weights-digest", found, wanted, fix)


def _lying_there(tree: Tree, model: Entry[Model], source: PathSource) -> Iterator[Finding]:
    directory = str(PurePosixPath(source.path))
    for path in tree.paths(directory):
        name = path.removeprefix(directory + "/")
        if PurePosixPath(name).suffix in _UNSAFE:
            found, expected = f"{path}, which can run code when loaded", "safetensors and JSON only"
            fix = "convert it to safetensors, and delete it"
            yield model.finding(("source",), "weights-unsafe", found, expected, fix)
        elif name not in source.files and _is_loaded(name):
            found, expected = f"{path}, which is not listed", "the digest of every file that is loaded"
            yield model.finding(("source", "files"), "weights-unlisted", found, expected, "list it, or delete it")


def _is_loaded(name: str) -> bool:
    pure = PurePosixPath(name)
    return pure.suffix in _WEIGHTS or pure.name in _LOADED or pure.name.startswith("tokenizer")


RULES = rules(
    _weights,
    {
        "model-path-escapes": "Weights lie inside the repository.",
        "weights-missing": "Listed weight files are there.",
        "weights-lfs-pointer": "Weight files are the data itself, not Git LFS pointers.",
        "weights-digest": "Weight files have the digest that is listed.",
        "weights-unlisted": "Every file that is loaded with the weights is listed.",
        "weights-unsafe": "Weights are in a format that cannot run code.",
    },
)
