"""How many distinct records a run has delivered, read from where it put them."""

import json
import sqlite3
import subprocess
from contextlib import closing
from functools import reduce
from pathlib import Path

IN_DUCKDB = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
ask = lambda query: connection.execute(query).fetchall()[0][0]
# A run that finds nothing makes no table.
there = ask("select count(*) from information_schema.tables where table_schema = 'peers' and table_name = 'users'")
print(ask("select count(distinct id) from peers.users") if there else 0)
"""


def jsonl(path: Path, *members: str) -> int:
    """Lines in which the record is below these `members`; the other lines are no records."""
    with path.open("rb") as lines:
        found = (reduce(lambda value, member: value.get(member, {}), members, json.loads(line)) for line in lines)
        return len({record["id"] for record in found if record})


def sqlite(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("select count(distinct id) from users").fetchone()[0]


def duckdb(path: Path, python: Path) -> int:
    return int(subprocess.check_output([python, "-c", IN_DUCKDB, path]))
