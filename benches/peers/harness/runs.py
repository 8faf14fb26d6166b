"""What is run: of each peer and of Tidegate the commands, and how to see that all records have arrived."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .environments import HERE
from .measuring import Measure, measure

# Runs of that many seconds say enough when done once; shorter ones are repeated.
LONG = 10.0


@dataclass(frozen=True)
class Run:
    name: str
    rival: str
    """Which run of Tidegate it is held against."""
    command: Callable[[str, Path], list[str]]
    """From the base URL and an empty folder; what it prints becomes `users.jsonl` in the folder."""
    kind: str
    """What kind of file it writes, as `counting` knows it."""
    file: str
    members: tuple[str, ...] = ()
    """Below which members of a line the record is."""
    python: str = sys.executable
    """That can read such a file."""

    def delivered(self, folder: Path) -> int:
        counting = Path(__file__).parent / "counting.py"
        command = [self.python, counting, self.kind, folder / self.file, *self.members]
        return int(subprocess.check_output(command))


def best(run: Run, base_url: str, records: int, rounds: int, scratch: Path) -> Measure:
    """The fastest of up to `rounds` runs, each from nothing and each seen to be complete."""
    measures: list[Measure] = []
    while len(measures) < rounds and sum(one.seconds for one in measures) < LONG:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            folder = Path(folder)
            measures.append(measure(run.command(base_url, folder), folder, folder / "users.jsonl"))
            if (delivered := run.delivered(folder)) != records:
                sys.exit(f"{run.name}: {delivered:,} distinct records were delivered, not {records:,}")
        print(f"{run.name}: {records:,} records in {measures[-1].seconds:.2f} s", file=sys.stderr)
    return min(measures, key=lambda one: one.seconds)


def tidegate(program: Path) -> list[Run]:
    def sync(kind: str, file: str) -> Callable[[str, Path], list[str]]:
        def command(base_url: str, folder: Path) -> list[str]:
            connection = {
                "name": "users",
                "strategy": "keyset",
                "source": {"base_url": base_url, "allow_private_addresses": True},
                "config": {"table": "users"},
                "destination": {"type": kind, "path": str(folder / file)},
            }
            return [str(program), "sync", "--quiet", written(folder / "connection.json", connection)]

        return command

    return [
        Run("Tidegate, JSONL", "", sync("jsonl", "synced.jsonl"), "jsonl", "synced.jsonl", ("row",)),
        Run("Tidegate, SQLite", "", sync("sqlite", "synced.db"), "sqlite", "synced.db"),
    ]


def peers(programs: dict[str, Path]) -> list[Run]:
    """From the folder of each peer's programs."""

    def singer(name: str, setting: str) -> Run:
        def command(base_url: str, folder: Path) -> list[str]:
            config = written(folder / "config.json", {"base_url": base_url})
            return [str(programs["singer"] / "python"), str(HERE / "singer" / "tap.py"), setting, "--config", config]

        return Run(name, "Tidegate, JSONL", command, "jsonl", "users.jsonl", ("record",))

    def airbyte(base_url: str, folder: Path) -> list[str]:
        config = written(folder / "config.json", {"base_url": base_url})
        source, own = programs["airbyte"] / "source-declarative-manifest", HERE / "airbyte"
        command = [source, "read", "--config", config, "--catalog", own / "catalog.json"]
        return [str(word) for word in [*command, "--manifest-path", own / "manifest.yaml"]]

    def dlt(name: str, kind: str) -> Run:
        python = str(programs["dlt"] / "python")

        def command(base_url: str, folder: Path) -> list[str]:
            return [python, str(HERE / "dlt" / "pipeline.py"), base_url, str(folder), kind]

        return Run(name, "Tidegate, SQLite", command, "duckdb", "users.duckdb", python=python)

    return [
        singer("Singer SDK, JSONL, fastest", "faster"),
        singer("Singer SDK, JSONL, as it comes", "default"),
        Run("Airbyte CDK, JSONL", "Tidegate, JSONL", airbyte, "jsonl", "users.jsonl", ("record", "data")),
        dlt("dlt, DuckDB, as it comes", "default"),
        dlt("dlt, DuckDB, upsert", "merge"),
        dlt("dlt, DuckDB, by Parquet", "parquet"),
        dlt("dlt, DuckDB, by Arrow", "arrow"),
    ]


def written(path: Path, value: object) -> str:
    path.write_text(json.dumps(value))
    return str(path)
