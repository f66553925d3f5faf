"""Reads a working tree or a Git revision into one immutable `Catalog`; the only room that knows directory names."""

from sluice.catalog.entries import Dataset, Entry, Row
from sluice.catalog.jsonl_block import Block
from sluice.catalog.load import (
    DIRECTORIES,
    ENVIRONMENT_FILE,
    ENVIRONMENTS_DIRECTORY,
    KEYS_DIRECTORY,
    PATTERNS,
    Catalog,
    calibration_path,
    load,
)
from sluice.catalog.reading_rules import READING_RULES
from sluice.catalog.tree import (
    FETCH_MAIN,
    MAINS,
    GitTree,
    Tree,
    WorkingTree,
    base_caveat,
    default_base,
    find_root,
    has_commits,
    is_shallow,
    resolve_revision,
    writable,
)

__all__ = [
    "DIRECTORIES",
    "ENVIRONMENTS_DIRECTORY",
    "ENVIRONMENT_FILE",
    "FETCH_MAIN",
    "KEYS_DIRECTORY",
    "MAINS",
    "PATTERNS",
    "READING_RULES",
    "Block",
    "Catalog",
    "Dataset",
    "Entry",
    "GitTree",
    "Row",
    "Tree",
    "WorkingTree",
    "base_caveat",
    "calibration_path",
    "default_base",
    "find_root",
    "has_commits",
    "is_shallow",
    "load",
    "resolve_revision",
    "writable",
]
