"""What schemathesis is not told by the description: how a component is put into a body."""

import schemathesis


@schemathesis.serializer("application/wasm")
def component(context, value):
    return value if isinstance(value, bytes) else str(value).encode()
