"""What actions/download-artifact does: one goes right into `path`, several each into a directory of its name."""

import fnmatch
import os
import shutil
import sys
from pathlib import Path


def main() -> int:
    run = os.environ["INPUT_RUN"]
    if run and not os.environ["INPUT_TOKEN"]:
        sys.stdout.write("::error::another run's artifacts need a token\n")
        return 1
    store = Path(os.environ["STAND_IN_ARTIFACTS"], run or os.environ["GITHUB_RUN_ID"])
    names = sorted(path.name for path in store.iterdir()) if store.is_dir() else []
    name, target = os.environ["INPUT_NAME"], Path(os.environ["INPUT_PATH"])
    if name and name not in names:
        sys.stdout.write(f"::error::there is no artifact {name}\n")
        return 1
    found = [name] if name else fnmatch.filter(names, os.environ["INPUT_PATTERN"] or "*")
    for one in found:
        shutil.copytree(store / one, target if name else target / one, dirs_exist_ok=True)
    sys.stdout.write(f"downloaded {', '.join(found) or 'nothing'}\n")
    return 0


sys.exit(main())
