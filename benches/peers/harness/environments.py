"""A virtual environment a peer, kept between runs for as long as its requirements stay the same."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent


def ready(name: str) -> Path:
    """The folder of the peer's programs; makes its environment where there is none of these requirements."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "tidegate" / "peers" / name
    requirements, installed = HERE / name / "requirements.txt", folder / "installed.txt"
    if not installed.is_file() or installed.read_bytes() != requirements.read_bytes():
        print(f"installing {name} into a virtual environment of its own ...", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        call(sys.executable, "-m", "venv", folder)
        call(folder / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", requirements)
        shutil.copyfile(requirements, installed)
    return folder / "bin"


def call(*command: object) -> None:
    if status := subprocess.run([str(word) for word in command], stdout=sys.stderr).returncode:
        sys.exit(f"`{' '.join(map(str, command))}` ended with status {status}")
