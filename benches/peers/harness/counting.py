"""Counts the distinct records that a run has delivered: `counting.py jsonl|sqlite|duckdb FILE [MEMBER ...]`.

A program of its own: Linux lets a child begin with its parent's peak of memory, so what times others has to stay small.
"""

import json
import sqlite3
import sys
from contextlib import closing
from functools import reduce


def jsonl(path: str, *members: str) -> int:
    """Lines in which the record is below these `members`; the other lines are no records."""
    with open(path, "rb") as lines:
        found = (reduce(lambda value, member: value.get(member, {}), members, json.loads(line)) for line in lines)
        return len({record["id"] for record in found if record})


def sqlite(path: str) -> int:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("select count(distinct id) from users").fetchone()[0]


def duckdb(path: str) -> int:
    import duckdb

    with duckdb.connect(path, read_only=True) as database:
        tables = "select table_name from information_schema.tables where table_schema = 'peers'"
        # A run that finds nothing makes no table.
        if ("users",) not in database.execute(tables).fetchall():
            return 0
        return database.execute("select count(distinct id) from peers.users").fetchall()[0][0]


if __name__ == "__main__":
    print({"jsonl": jsonl, "sqlite": sqlite, "duckdb": duckdb}[sys.argv[1]](*sys.argv[2:]))
