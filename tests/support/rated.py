"""`llm-envs rate` in tests: a server in this process or in its own, and requests as the page sends them."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llm_benchmarks.rewards.rating.items import Item, Scale, items_hash
from llm_benchmarks.rewards.rating.judgements import Asked, JudgementFile
from llm_benchmarks.rewards.rating.page import render
from llm_benchmarks.rewards.rating.server import HOST, RatingServer
from llm_benchmarks.rewards.rating.session import Session


def pairs(count: int) -> list[Item]:
    """Made-up pairs of two agents."""
    return [Item(f"about {k}", (f"alpha {k}", f"beta {k}"), ("the alpha", "the beta")) for k in range(count)]


def asked(items: Sequence[Item], scale: Scale = "pairs", seed: int = 0) -> Asked:
    """What is asked of items."""
    return Asked(scale, "Which?", seed, len(items), items_hash(items))


def session(items: Sequence[Item], path: Path, **options: Any) -> Session:
    """A session whose file stays open."""
    return Session(items, JudgementFile(path, asked(items, **options)))


@contextmanager
def served(
    items: Sequence[Item], path: Path, scale: Scale = "pairs", question: str = "Which?"
) -> Iterator[RatingServer]:
    """A server in a thread."""
    file = JudgementFile(path, Asked(scale, question, 0, len(items), items_hash(items)))
    server = RatingServer(Session(items, file), render(scale, question))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        file.close()


def request(
    server: RatingServer,
    action: str = "",
    body: Any = None,
    *,
    method: str = "POST",
    path: str | None = None,
    raw: bytes | None = None,
    **headers: str | None,
) -> tuple[int, Mapping[str, str], str]:
    """Sends a request as the page does, with some headers changed, or left out where they are None."""
    data = raw if raw is not None else json.dumps(body).encode()
    host = f"{HOST}:{server.server_port}"
    sent: dict[str, str | None] = {"Host": host}
    if method == "POST":
        sent |= {
            "Origin": f"http://{host}",
            "Content-Type": "application/json",
            "Content-Length": str(len(data)),
        }
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection(HOST, server.server_port, timeout=60)
    connection.putrequest(
        method, path or f"/{server.token}/{action}", skip_host=True, skip_accept_encoding=True
    )
    for name, value in sent.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(data if method == "POST" else None)
    response = connection.getresponse()
    found = response.status, dict(response.headers), response.read().decode()
    connection.close()
    return found


class RateProcess:
    """`llm-envs rate` in a process of its own."""

    def __init__(self, folder: Path, *words: str) -> None:
        line = [sys.executable, "-m", "llm_benchmarks", "rate", *words, "--json"]
        self.process = subprocess.Popen(
            line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        said = self.process.stdout.readline()
        assert said, self.process.stderr.read()
        self.address: str = json.loads(said)["address"]

    def end(self, signal: int) -> int:
        """Sends a signal and returns the exit status."""
        self.process.send_signal(signal)
        self.process.communicate(timeout=120)
        return self.process.returncode


def post(address: str, action: str, body: Any) -> Any:
    """Sends what the page at an address sends, and returns the answer."""
    host = address.split("/")[2]
    connection = http.client.HTTPConnection(host, timeout=60)
    headers = {"Origin": f"http://{host}", "Content-Type": "application/json"}
    connection.request("POST", f"/{address.split('/')[3]}/{action}", json.dumps(body), headers)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer
