"""What schemathesis is not told by the description: how a component is put into a body, and what a key is for."""

import uuid

import schemathesis


@schemathesis.serializer("application/wasm")
def component(context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def map_headers(context, headers):
    """A key that comes again gets its first answer again, also where what was made then is gone by now."""
    name = "Idempotency-Key"
    key = (headers or {}).get(name)
    if isinstance(key, str) and 0 < len(key) <= 64 and all("!" <= letter <= "~" for letter in key):
        headers[name] = f"{key}-{uuid.uuid4()}"
    return headers
