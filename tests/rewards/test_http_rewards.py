"""Reward servers: against a server of the test on this machine."""

from __future__ import annotations

import json
import pickle
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from llm_envs.episode import Episode, Example
from llm_envs.foreign import UntrustedCode, allowing_code, refuse_code
from llm_envs.rewards import RewardError, make_reward
from llm_envs.rewards.adapters import requests


class Server(ThreadingHTTPServer):
    """Answers with the number of characters of each text, or as a test says."""

    daemon_threads = True

    def __init__(self):
        self.asked = []
        self.keys = []
        self.answers = []
        self.hangs = threading.Event()
        super().__init__(("127.0.0.1", 0), Answering)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/score"


class Answering(BaseHTTPRequestHandler):
    def do_POST(self):
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.asked.append(body)
        server.keys.append(self.headers.get("Authorization"))
        status, content, headers = server.answers.pop(0) if server.answers else (200, None, {})
        if status == "hang":
            server.hangs.wait(20)
            return
        if content is None and "items" in body:
            content = {"scores": [len(item["text"]) for item in body["items"]]}
        elif content is None:
            asked = body["messages"][0]["content"]
            content = {"choices": [{"message": {"content": str(asked.count("good"))}}]}
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("LLM_ENVS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LLM_ENVS_REWARD_KEY", raising=False)
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.hangs.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def pauses(monkeypatch):
    waited = []
    monkeypatch.setattr(requests, "pause", waited.append)
    return waited


def on(text, *references, source="ask", **metadata):
    return Episode(Example(source, references, metadata), text)


def reward_of(server, **options):
    return make_reward({"id": f"http:{server.url}", **options})


def test_a_batch_is_one_request_and_a_text_is_asked_once(server):
    reward = reward_of(server, model="judge-7")
    episodes = [on("one", "a", words=["sea"]), on("three"), on("one", "a", words=["sea"]), on("")]
    assert reward.score_batch(episodes)[0] == [3.0, 5.0, 3.0, 0.0]
    assert len(server.asked) == 1
    first = {"text": "one", "source": "ask", "references": ["a"], "metadata": {"words": ["sea"]}}
    assert server.asked[0]["model"] == "judge-7"
    assert server.asked[0]["items"] == [
        first,
        *({"text": text, "source": "ask", "references": [], "metadata": {}} for text in ("three", "")),
    ]
    assert reward.components(on("three")) == {"http:127.0.0.1": 5.0}
    assert len(server.asked) == 1


def test_scores_are_kept_on_disk_for_other_processes(server, tmp_path):
    reward_of(server)(on("one"))
    again = pickle.loads(pickle.dumps(reward_of(server)))
    assert again(on("one")) == 3.0
    assert len(server.asked) == 1
    assert (tmp_path / "home" / "rewards" / "http.sqlite3").is_file()
    assert reward_of(server, model="another")(on("one")) == 3.0
    assert reward_of(server)(on("one", source="another")) == 3.0
    assert reward_of(server, cache=False)(on("one")) == 3.0
    assert len(server.asked) == 4


def test_large_batches_are_split_and_what_was_answered_is_kept(server, pauses):
    reward = reward_of(server, batch_size=2, retries=0)
    server.answers = [(200, None, {}), (500, b"out of memory", {})]
    episodes = [on("a" * n) for n in range(5)]
    with pytest.raises(RewardError, match="status 500: out of memory"):
        reward.score_batch(episodes)
    server.asked.clear()
    assert reward.score_batch(episodes)[0] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert [len(body["items"]) for body in server.asked] == [2, 1]


def test_a_busy_server_is_tried_again(server, pauses):
    server.answers = [(503, b"", {}), (429, b"slowly", {"Retry-After": "7"}), (502, b"", {})]
    assert reward_of(server)(on("one")) == 3.0
    assert pauses == [0.5, 7.0, 2.0]


def test_a_server_that_never_answers_stops_the_run(server, pauses):
    server.answers = [("hang", None, {})] * 2
    with pytest.raises(RewardError, match=r"did not answer in 2 attempt\(s\) of at most 0\.2 s: timed out"):
        reward_of(server, timeout=0.2, retries=1)(on("one"))
    assert pauses == [0.5]


def test_nobody_listens(server, pauses):
    url = server.url
    server.shutdown()
    server.server_close()
    with pytest.raises(RewardError, match="Connection refused"):
        make_reward({"id": f"http:{url}", "retries": 2})(on("one"))
    assert pauses == [0.5, 1.0]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, b"who are you?\x1b[2J", {}), r"refused the request, status 401: who are you\?\\x1b\[2J"),
        ((404, b"", {}), "status 404: Not Found"),
        ((302, b"", {"Location": "http://127.0.0.1:9/"}), "status 302"),
        ((200, b"<html>", {}), "not valid JSON"),
        ((200, {"score": [1.0]}, {}), "and not {.scores.: .* with 1 numbers"),
        ((200, {"scores": [1.0, 2.0]}, {}), "with 1 numbers"),
        ((200, {"scores": ["1.0"]}, {}), "in which a score is no finite number"),
        ((200, {"scores": [True]}, {}), "in which a score is no finite number"),
        ((200, {"scores": [None]}, {}), "in which a score is no finite number"),
        ((200, b'{"scores": [NaN]}', {}), "NaN"),
        ((200, b" " * (9 << 20), {}), "more than 8,388,608 bytes"),
    ],
)
def test_another_answer_is_an_error_and_never_a_zero(server, pauses, answer, said):
    server.answers = [answer]
    with pytest.raises(RewardError, match=said):
        reward_of(server)(on("one"))
    assert pauses == []


def test_a_language_model_as_judge(server):
    reward = reward_of(server, protocol="chat", model="judge", prompt="{source}: {text} ({low} to {high})")
    assert reward.score_batch([on("good, good"), on("bad"), on("good {source}")])[0] == [0.2, 0.0, 0.1]
    asked = sorted(body["messages"][0]["content"] for body in server.asked)
    assert asked == ["ask: bad (0 to 10)", "ask: good {source} (0 to 10)", "ask: good, good (0 to 10)"]
    assert {body["temperature"] for body in server.asked} == {0}
    server.answers = [(200, {"choices": [{"message": {"content": "Score: 3.5"}}]}, {})]
    assert reward_of(server, protocol="chat", model="judge", low=1, high=6)(on("fine")) == 0.5


@pytest.mark.parametrize("said", ["none", "11", "-1", ""])
def test_a_judge_without_a_number_in_its_range_is_an_error(server, said):
    server.answers = [(200, {"choices": [{"message": {"content": said}}]}, {})]
    with pytest.raises(RewardError, match="does not end in a number from 0 to 10"):
        reward_of(server, protocol="chat", model="judge")(on("text"))


def test_a_judge_may_read_the_reference(server):
    reward = reward_of(server, protocol="chat", model="m", prompt="{text} as {reference}?")
    assert reward.needs_references
    assert reward(on("", "good")) == 0.1
    with pytest.raises(RewardError, match="this example has none"):
        reward(on(""))


def test_the_key_is_sent_to_this_machine_or_over_https_and_stands_in_no_signature(server, monkeypatch):
    monkeypatch.setenv("LLM_ENVS_REWARD_KEY", "secret")
    reward = reward_of(server)
    reward(on("one"))
    assert server.keys == ["Bearer secret"]
    assert "secret" not in reward.signature + str(reward.to_spec())
    assert requests.is_private("https://example.org/score")
    assert not requests.is_private("http://example.org/score")


def test_a_damaged_cache_is_named(server, tmp_path):
    place = tmp_path / "home" / "rewards" / "http.sqlite3"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"no database" * 100)
    with pytest.raises(RewardError, match=r"http\.sqlite3' cannot be used .*cache=False"):
        reward_of(server)(on("one"))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"id": "http:localhost:8000"}, "must be an address such as 'http://localhost:8000/score'"),
        ({"id": "http://localhost:8000"}, "as an id 'http:http://localhost:8000/score'"),
        ({"id": "http:ftp://localhost"}, "must be an address"),
        ({"id": "http:http://host:port/"}, "is no address"),
        ({"id": "http:http://me:secret@host/"}, "password, which records would show"),
        ({"id": "http:http://h/", "protocol": "grpc"}, "unknown protocol='grpc'"),
        ({"id": "http:http://h/", "protocol": "chat"}, "needs the name of a model"),
        ({"id": "http:http://h/", "prompt": "Rate!"}, "must hold {text}"),
        ({"id": "http:http://h/", "low": 5, "high": 5}, "low=5 must be below high=5"),
        ({"id": "http:http://h/", "timeout": 0}, "timeout is in seconds"),
        ({"id": "http:http://h/", "retries": -1}, "retries is a whole number from 0"),
        ({"id": "http:http://h/", "batch_size": 0}, "batch_size is a whole number from 1"),
    ],
)
def test_bad_options_are_named_when_the_reward_is_made(spec, said):
    with pytest.raises(ValueError, match=said):
        make_reward(spec)


def test_a_file_names_a_server_only_with_permission():
    name = "http:https://example.org/score"
    with pytest.raises(UntrustedCode, match=f"--allow-code {name}"):
        refuse_code({"reward": {"id": name}}, "a record")
    with allowing_code([name]):
        refuse_code({"reward": {"id": name}}, "a record")
