"""The server of `llm-envs rate` answers its own page, and nobody else."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from rated import pairs, request, served

from llm_benchmarks.rewards.rating.judgements import read_judgements
from llm_benchmarks.rewards.rating.server import HOST, RatingServer

ITEMS = pairs(3)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    path = tmp_path_factory.mktemp("rating") / "said.jsonl"
    with served(ITEMS, path) as server:
        yield server, path


@pytest.fixture
def server(running):
    return running[0]


@pytest.fixture
def path(running):
    return running[1]


ANSWER = {"rater": "Mallory", "item": ITEMS[0].id, "choice": "tie", "seconds": 1}


def test_the_page_comes_with_its_policy(server):
    status, headers, page = request(server, method="GET")
    assert status == 200
    assert "Which?" in page
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    for part in ("connect-src 'self'", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in headers
    assert ITEMS[0].texts[0] not in page


def test_it_listens_on_this_machine_alone(server):
    assert HOST == "127.0.0.1"
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_a_question_and_its_answer(server, path):
    status, headers, text = request(server, "question", {"rater": "Ana"})
    assert (status, headers["Content-Type"]) == (200, "application/json")
    question = json.loads(text)
    assert set(question["texts"]) == set(ITEMS[0].texts)
    assert "agents" not in question
    answer = {"rater": "Ana", "item": question["item"], "choice": "left", "seconds": 2.5}
    assert json.loads(request(server, "answer", answer)[2])["done"] == 1
    assert read_judgements(path).judgements["Ana"][question["item"]].seconds == 2.5
    assert json.loads(request(server, "undo", {"rater": "Ana"})[2])["done"] == 0
    assert "Ana" in json.loads(request(server, "raters", {})[2])["raters"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),  # DNS rebinding: the browser sends the name that it was given
        ({"Host": "evil.example:{port}"}, 421),
        ({"Host": "127.0.0.1.evil.example:{port}"}, 421),
        ({"Host": "127.0.0.1"}, 421),
        ({"Host": None}, 400),
        ({"Origin": None}, 403),
        ({"Origin": "null"}, 403),  # a sandboxed frame, a file
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "https://127.0.0.1:{port}"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Content_Type": "text/plain"}, 415),  # what a form of another site can send without asking
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content_Type": None}, 415),
        ({"Content_Length": None}, 411),
        ({"Content_Length": "-1"}, 411),
        ({"Content_Length": "\u00b2"}, 411),  # a digit to `isdigit`
        ({"Content_Length": "9" * 30}, 413),
        ({"Transfer_Encoding": "chunked"}, 411),
    ],
)
def test_requests_of_other_sites_change_nothing(server, path, headers, status):
    before = path.read_bytes()
    named = {
        key: value and value.replace("{port}", str(server.server_port)) for key, value in headers.items()
    }
    found, _, text = request(server, "answer", ANSWER, **named)
    assert found == status
    assert "error" in json.loads(text)
    assert path.read_bytes() == before


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "path_of",
    [lambda t: "/", lambda t: "/answer", lambda t: f"/{t[:-1]}/answer", lambda t: f"/{t}", lambda t: "//x/"],
)
def test_without_the_token_there_is_nothing(server, path, method, path_of):
    before = path.read_bytes()
    status, _, text = request(server, body=ANSWER, method=method, path=path_of(server.token))
    assert status == 403
    assert server.token not in text
    assert path.read_bytes() == before


def test_localhost_is_its_name_too(server):
    host = f"localhost:{server.server_port}"
    assert request(server, "raters", {}, Host=host, Origin=f"http://{host}")[0] == 200


@pytest.mark.parametrize(
    "path_of", [lambda t: f"/{t}/../etc/passwd", lambda t: f"/{t}/nothing", lambda t: f"/{t}//"]
)
def test_other_paths_are_not_found(server, path_of):
    for method in ("GET", "POST"):
        assert request(server, body={}, method=method, path=path_of(server.token))[0] == 404


@pytest.mark.parametrize(
    ("raw", "status", "said"),
    [
        (b"x" * 5000, 413, "at most 4096"),
        (b"{", 400, "not valid JSON"),
        (b"[" * 4000, 400, ""),
        (b"\xff\xfe", 400, "UTF-8"),
        (b"[]", 400, "an object"),
        (b'{"rater": "a", "rater": "b"}', 400, "twice"),
        (b'{"rater": 5}', 400, "a name has"),
        (b'{"rater": "Ana", "item": "x", "choice": "tie"}', 409, "judged already"),
    ],
)
def test_bodies_that_are_no_answer_are_refused(server, path, raw, status, said):
    before = path.read_bytes()
    found, _, text = request(server, "answer", raw=raw)
    assert found == status
    assert said in json.loads(text)["error"]
    assert path.read_bytes() == before


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD", "TRACE"])
def test_other_methods_are_unknown(server, method):
    assert request(server, method=method)[0] == 501


def test_what_is_no_http_harms_nothing(server):
    for data in (b"\x16\x03\x01 hello\r\n\r\n", b"GET " + b"/" * 70_000 + b" HTTP/1.1\r\n\r\n", b"\r\n", b""):
        with socket.create_connection((HOST, server.server_port), timeout=60) as raw:
            raw.sendall(data)
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(65536):
                pass
    assert request(server, "raters", {})[0] == 200


def test_tokens_are_new_each_time_and_long(server, tmp_path):
    with served(ITEMS, tmp_path / "other.jsonl") as other:
        assert isinstance(other, RatingServer)
        assert other.token != server.token
    assert len(server.token) >= 22  # 128 bits


def test_a_disk_that_refuses_is_said_and_nothing_counts(tmp_path, monkeypatch):
    path: Path = tmp_path / "said.jsonl"
    with served(ITEMS, path) as server:

        def full(descriptor):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", full)
            status, _, text = request(server, "answer", ANSWER)
        assert (status, "No space left" in text) == (507, True)
        assert json.loads(request(server, "question", {"rater": "Mallory"})[2])["done"] == 0
        assert request(server, "answer", ANSWER)[0] == 200
