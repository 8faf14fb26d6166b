"""A program run to its end, and what that took."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

# Linux counts in KiB, macOS in bytes.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Measure:
    seconds: float
    cpu_seconds: float
    """Of the program and of all processes that it waited for."""
    peak_bytes: int
    """Resident, of the greatest of these processes, not of their sum."""


def measure(command: list[str], folder: Path, output: Path) -> Measure:
    """Runs `command` in `folder`, with its standard output in `output`; ends everything where it fails."""
    log = folder / "log"
    with output.open("wb") as stdout, log.open("wb") as stderr:
        begin = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment(folder), stdout=stdout, stderr=stderr)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
    # `Popen` would otherwise wait for a process that is gone.
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        print(log.read_text(errors="replace")[-4_000:], file=sys.stderr)
        sys.exit(f"`{' '.join(command)}` ended with status {process.returncode}")
    return Measure(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT)


def environment(folder: Path) -> dict[str, str]:
    """Without what would cost a peer time for nothing: telemetry, and a proxy before loopback."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    quiet = {"RUNTIME__DLTHUB_TELEMETRY": "false", "DO_NOT_TRACK": "1"}
    # dlt keeps what it learns in a folder of the user's; each run begins anew.
    return {**kept, **quiet, "NO_PROXY": "127.0.0.1", "DLT_DATA_DIR": str(folder / "dlt")}
