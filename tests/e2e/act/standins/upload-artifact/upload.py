"""What actions/upload-artifact does: paths below their common directory, hidden files on demand, no name twice."""

import os
import re
import shutil
import sys
from pathlib import Path


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def files_below(path: Path, hidden: bool) -> list[Path]:
    found = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path] * path.is_file()
    return [one for one in found if hidden or not any(part.startswith(".") for part in one.parts)]


def root_of(wanted: list[Path]) -> Path:
    """The directory that the artifact's paths are relative to: of several paths, what they have in common."""
    if len(wanted) == 1:
        return wanted[0] if wanted[0].is_dir() else wanted[0].parent
    return Path(os.path.commonpath([path.absolute() for path in wanted])).relative_to(Path.cwd())


def main() -> int:
    name = os.environ["INPUT_NAME"]
    if re.search(r'["<>:|*?\r\n\\/]', name):
        say(f"::error::an artifact cannot be called {name}")
        return 1
    wanted = [Path(line.strip()) for line in os.environ["INPUT_PATH"].splitlines() if line.strip()]
    hidden = os.environ["INPUT_INCLUDE_HIDDEN_FILES"] == "true"
    files = [file for path in wanted for file in files_below(path, hidden)]
    if not files:
        say(f"no files were found for {name}")
        return 1 if os.environ["INPUT_IF_NO_FILES_FOUND"] == "error" else 0
    target = Path(os.environ["STAND_IN_ARTIFACTS"], os.environ["GITHUB_RUN_ID"], name)
    if target.exists() and os.environ["INPUT_OVERWRITE"] == "true":
        shutil.rmtree(target)
    if target.exists():
        say(f"::error::there is an artifact {name} already")
        return 1
    for file in files:
        place = target / file.relative_to(root_of(wanted))
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    say(f"uploaded {len(files)} files as {name}")
    return 0


sys.exit(main())
