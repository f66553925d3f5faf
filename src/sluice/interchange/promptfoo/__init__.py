"""Imports promptfoo configurations: prompts, tests and deterministic assertions become files of this repository."""

from sluice.interchange.promptfoo.importing import Imported, import_config

__all__ = ["Imported", "import_config"]
