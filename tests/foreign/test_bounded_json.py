"""JSON from others is read within bounds, and every refusal names the field."""

from __future__ import annotations

import json
import os

import pytest

from llm_envs.foreign import ForeignDataError, parse_json, read_json, read_text
from llm_envs.foreign.bounded_json import MAX_DEPTH


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"reward": NaN}', "reward: NaN is not a finite number"),
        ('{"a": [{"reward": NaN}]}', r"a\.0\.reward: NaN"),
        ('{"reward": -Infinity}', "reward: -inf is not a finite number; NaN and infinity"),
        ('{"reward": 1e308}', "reward: 1e"),
        ('{"reward": 1e999}', "reward: inf"),
        ('{"steps": 1' + "0" * 399 + "}", "steps: an integer of 400 digits"),
        ('{"steps": 99999999999999999999}', "steps: an integer beyond 64 bits"),
        ("[" * 5000 + "]" * 5000, "nested deeper"),
        ("[" * 70 + "]" * 70, "nested deeper"),
        ('{"a": 1, "a": 2}', "a: appears twice"),
        ('{"a": ', "not valid JSON"),
        ("", "not valid JSON"),
    ],
)
def test_what_breaks_a_bound_is_refused(text, message):
    with pytest.raises(ForeignDataError, match=message) as raised:
        parse_json(text, "file.json")
    assert str(raised.value).startswith("file.json: ")


def test_as_deep_as_it_may_be_is_read():
    text = "[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH
    assert json.dumps(parse_json(text, "file.json")) == text
    with pytest.raises(ForeignDataError, match="nested deeper"):
        parse_json(f"[{text}]", "file.json")


def test_bytes_are_utf8():
    with pytest.raises(ForeignDataError, match="not UTF-8"):
        parse_json(b'{"a": "\xff"}', "file.json")


def test_long_texts_are_refused_with_their_field():
    with pytest.raises(ForeignDataError, match=r"rows\.0: a text of"):
        parse_json(json.dumps({"rows": ["x" * (1 << 21)]}), "file.json")


def test_what_is_within_bounds_comes_back_as_it_was():
    value = {"a": [1, -2.5, None, True, "é"], "b": {"c": 2**63}}
    assert parse_json(json.dumps(value).encode(), "file.json") == value


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ForeignDataError, match="not a regular file"):
        read_json(tmp_path / "pipe")
    (tmp_path / "large").write_text(json.dumps("x" * 100))
    with pytest.raises(ForeignDataError, match="102 bytes"):
        read_json(tmp_path / "large", max_bytes=50)


def test_text_is_read_only_from_bounded_utf8_files(tmp_path):
    path = tmp_path / "text"
    path.write_bytes("caf\u00e9".encode())
    assert read_text(path, "--config") == "caf\u00e9"
    with pytest.raises(ForeignDataError, match="--config has 5 bytes; at most 4 are read"):
        read_text(path, "--config", max_bytes=4)
    path.write_bytes(b"\xff")
    with pytest.raises(ForeignDataError, match="--config: not UTF-8"):
        read_text(path, "--config")
    with pytest.raises(ForeignDataError, match="--config is not a regular file"):
        read_text(tmp_path, "--config")
