"""Loads the playground's records into DuckDB with dlt: `pipeline.py BASE_URL FOLDER default|merge|parquet|arrow`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import dlt
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator
from dlt.sources.rest_api import rest_api_source

PATH = "/pagination/keyset"


def paginator() -> JSONResponseCursorPaginator:
    return JSONResponseCursorPaginator(cursor_path="scroll_param", cursor_param="scroll_param")


def declared(base_url: str, **settings: object):
    """The source as dlt's REST API source takes it: described, not programmed."""
    users = {"name": "users", "endpoint": {"path": PATH, "data_selector": "data"}, **settings}
    return rest_api_source({"client": {"base_url": base_url, "paginator": paginator()}, "resources": [users]})


@dlt.resource(name="users")
def arrow_tables(base_url: str) -> Iterator[object]:
    """Pages as Arrow tables, which dlt loads without looking at single values."""
    import pyarrow

    client = RESTClient(base_url, paginator=paginator(), data_selector="data")
    for page in client.paginate(PATH):
        if page:
            yield pyarrow.Table.from_pylist(list(page))


def main() -> None:
    base_url, folder, kind = sys.argv[1:]
    destination = dlt.destinations.duckdb(str(Path(folder, "users.duckdb")))
    pipeline = dlt.pipeline("peers", pipelines_dir=folder, destination=destination, dataset_name="peers")
    upsert = {"primary_key": "id", "write_disposition": {"disposition": "merge", "strategy": "upsert"}}
    if kind == "default":
        pipeline.run(declared(base_url))
    elif kind == "merge":
        pipeline.run(declared(base_url, **upsert))
    elif kind == "parquet":
        pipeline.run(declared(base_url), loader_file_format="parquet")
    elif kind == "arrow":
        pipeline.run(arrow_tables(base_url))
    else:
        sys.exit(f"unknown kind: {kind}")


if __name__ == "__main__":
    main()
