"""A tap of the playground on the Singer SDK: `tap.py default|faster --config FILE`."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import requests
from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.helpers._typing import TypeConformanceLevel
from singer_sdk.pagination import JSONPathPaginator


class Users(RESTStream):
    """As the SDK's template has it."""

    name = "users"
    path = "/pagination/keyset"
    primary_keys = ("id",)
    records_jsonpath = "$.data[*]"
    schema = th.PropertiesList(
        *(th.Property(name, th.StringType) for name in ("id", "name", "email", "address", "company", "job")),
        *(th.Property(name, th.DateTimeType) for name in ("createdAt", "updatedAt")),
    ).to_dict()

    @property
    def url_base(self) -> str:
        return self.config["base_url"]

    def get_new_paginator(self) -> JSONPathPaginator:
        return JSONPathPaginator("$.scroll_param")

    def get_url_params(self, context: object, next_page_token: str | None) -> dict[str, str]:
        return {"scroll_param": next_page_token} if next_page_token else {}


class FasterUsers(Users):
    # The records have the form that the schema says, so nothing is gained by looking at each value.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def parse_response(self, response: requests.Response) -> Iterable[dict]:
        # A JSONPath costs time for what one key says as well.
        yield from response.json()["data"]


class Playground(Tap):
    name = "tap-playground"
    config_jsonschema = th.PropertiesList(th.Property("base_url", th.StringType, required=True)).to_dict()
    stream_class = Users

    def discover_streams(self) -> list[Users]:
        return [self.stream_class(self)]


class FasterPlayground(Playground):
    message_writer_class = MsgSpecWriter
    stream_class = FasterUsers


if __name__ == "__main__":
    {"default": Playground, "faster": FasterPlayground}[sys.argv.pop(1)].cli()
