"""Where the program of Tidegate is."""

import json
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


def program() -> Path:
    """What `TIDEGATE` names, else the release build of this repository, brought up to date."""
    if named := os.environ.get("TIDEGATE"):
        return Path(named).resolve()
    if subprocess.run(["cargo", "build", "--release", "-p", "tidegate"], cwd=REPOSITORY).returncode:
        sys.exit("`cargo build --release` failed; TIDEGATE=... names a program that is built already")
    metadata = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    target = json.loads(subprocess.check_output(metadata, cwd=REPOSITORY))["target_directory"]
    return Path(target, "release", "tidegate")
