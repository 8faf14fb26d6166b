"""The source that all read: `tidegate playground`, on loopback."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE = 1_000


@contextmanager
def serving(program: Path, records: int) -> Iterator[str]:
    """A playground of so many records, and its base URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["playground", "--records", records, "--page-cap", PAGE, "--port", port, "--quiet"]
    server = subprocess.Popen([program, *map(str, words)], stdout=subprocess.DEVNULL)
    try:
        base_url = f"http://127.0.0.1:{port}"
        await_answer(server, f"{base_url}/pagination/keyset")
        yield base_url
    finally:
        server.terminate()
        server.wait()


def await_answer(server: subprocess.Popen, url: str) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(600):
        if server.poll() is not None:
            sys.exit("the playground ended before it answered")
        try:
            direct.open(url, timeout=30).read()
            return
        except urllib.error.URLError:
            time.sleep(0.1)
    sys.exit("the playground does not answer")
