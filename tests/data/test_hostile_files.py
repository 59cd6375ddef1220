"""Data files that are none, or hold what no text is: each is refused in words that say where."""

from __future__ import annotations

import csv
import itertools
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_envs.data import DataError, load_corpus
from llm_envs.data.files import line_files

DEEP = "[" * 100_000 + "]" * 100_000
DEEPISH = "[" * 200 + "]" * 200  # json reads it; whoever walks it by recursion may fail later


def refused(path: Path, **options: object) -> str:
    with pytest.raises(DataError) as error:
        load_corpus(f"file:{path}", **options).split("train")
    return str(error.value)


def lines(path: Path, *texts: str | bytes) -> Path:
    path.write_bytes(b"".join((t if isinstance(t, bytes) else t.encode()) + b"\n" for t in texts))
    return path


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "tsv", "parquet"])
def test_what_is_no_regular_file_is_refused_instead_of_waited_for(tmp_path: Path, suffix: str) -> None:
    pipe = tmp_path / f"pipe.{suffix}"
    os.mkfifo(pipe)
    assert "not a regular file" in refused(pipe)
    assert str(pipe) in refused(pipe)
    endless = tmp_path / f"endless.{suffix}"
    endless.symlink_to("/dev/zero")
    assert "not a regular file" in refused(endless)
    folder = tmp_path / "folder"
    folder.mkdir()
    os.mkfifo(folder / f"train.{suffix}")
    assert "not a regular file" in refused(folder)


def test_names_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    loop = tmp_path / "loop.jsonl"
    loop.symlink_to(loop)
    for name in (loop, "x" * 5000, "~nobody_at_all/x.csv", "a\0b.csv", "/dev/null/x.csv", "\udcff.csv"):
        assert str(name)[:20].split("\0")[0].strip("\udcff") in refused(name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"source": "a", "metadata": ' + DEEP + "}", "line 2: nested deeper"),
        ('{"source": "a", "unused": ' + DEEPISH + "}", "line 2: nested deeper"),
        ('{"source": "a", "metadata": ' + "9" * 5000 + "}", "line 2: not JSON"),
        ('{"source": "a", "group": ' + "9" * 400 + "}", "column 'group' holds an integer beyond 64 bits"),
        ('{"source": "a", "group": 1e400}', "column 'group' holds inf"),
        ('{"source": "a", "metadata": {"x": NaN}}', "column 'metadata' holds nan"),
        ('{"source": "a", "source": "b"}', "line 2: not JSON (the key 'source' appears twice"),
        (b'{"source": "\xff"}', "line 2: byte 0xff"),
        ('{"source": "a\0b"}', "line 2: not JSON"),
        ('{"source": ' + DEEPISH + "}", "line 2: nested deeper"),
        ('["a"]', "line 2: a JSON list"),
    ],
)
def test_rows_of_jsonl(tmp_path: Path, text: str | bytes, said: str) -> None:
    first = '{"source": "first", "group": null, "metadata": null}'
    assert said in refused(lines(tmp_path / "rows.jsonl", first, text))


def test_a_row_without_end_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_files, "MAX_ROW", 1000)
    assert "line 2: longer than" in refused(lines(tmp_path / "a.jsonl", '{"source": "a"}', "x" * 2000))
    assert "line 2: longer than" in refused(lines(tmp_path / "a.csv", "source", "x" * 2000))
    limit = csv.field_size_limit(1000)
    try:
        never = lines(tmp_path / "b.csv", "source", '"begun', *["and never ended"] * 100)
        assert "record that begins here" in refused(never)
    finally:
        csv.field_size_limit(limit)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"source\n\xff\xfe", "line 2: byte 0xff"),
        ("source".encode("utf-16"), "line 1: byte 0xff"),
        (b"source,source\na,b", "names 'source' twice"),
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
    ],
)
def test_delimited_files(tmp_path: Path, text: bytes, said: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(text)
    assert said in refused(path)


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    for name, text in (("a.csv", "source\nx\n"), ("a.jsonl", '{"source": "x"}\n')):
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
        assert load_corpus(f"file:{tmp_path / name}").sizes["train"] == 1


def strings(*values: bytes) -> pa.Array:
    """Arrow strings of any bytes."""
    return pa.array(values, pa.binary()).view(pa.string())


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"source": strings(b"good", b"\xff\xfe")}, "row 2: column 'source' is not UTF-8"),
        ({"source": pa.array([b"a", b"b"], pa.binary())}, "row 1: column 'source' holds bytes"),
        ({"source": pa.array([["a"], ["b"]])}, "row 1: column 'source' holds list"),
        ({"source": pa.array(["a", "b"]), "group": pa.array([1.0, float("nan")])}, "row 2: column 'group'"),
        (
            {"source": pa.array(["a", "b"]), "group": pa.array([1, 2**62], pa.timestamp("us"))},
            "row 2: column 'group' cannot be read",
        ),
        (
            {"source": pa.array(["a", "b"]), "metadata": pa.array([{"x": ["y"]}, {"x": [None]}])},
            "",
        ),
    ],
)
def test_columns_of_parquet(tmp_path: Path, columns: dict[str, pa.Array], said: str) -> None:
    path = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pa.table(columns), path)
    if said:
        assert said in refused(path)
    else:
        assert sum(load_corpus(f"file:{path}").sizes.values()) == 2


def test_parquet_with_one_name_twice(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], ["source", "source"])
    pyarrow.parquet.write_table(table, path)
    assert "two columns 'source'" in refused(path)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("source", "columns='source' must map roles"),
        (["source"], "columns=['source'] must map roles"),
        (5, "columns=5 must map roles"),
        ({1: "a", "source": "b"}, "must map roles"),
        ({"source": 5}, "columns['source'] is 5"),
        ({"split": ["source", "references"]}, "columns['split'] names 2"),
        ({"references": [["a"]]}, "columns['references'] is [['a']]"),
        ({"sauce": "a"}, "unknown key 'sauce'"),
        ({"source": "sauce"}, "no column 'sauce'"),
    ],
)
def test_columns_of_a_wrong_form(tmp_path: Path, columns: object, said: str) -> None:
    path = lines(tmp_path / "rows.jsonl", json.dumps({"source": "a", "references": ["b"]}))
    assert said in refused(path, columns=columns)


fuzz = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(max_size=9)
cells = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
names = st.sampled_from(["source", "references", "split", "group", "metadata", "text", "other"])
rows = st.dictionaries(names, cells, max_size=4)
columns = st.none() | st.dictionaries(
    st.sampled_from(["source", "references", "split", "metadata", "x"]),
    names | st.lists(names, max_size=2),
    max_size=2,
)


def refusal(path: Path, columns: object) -> str:
    """Why a file cannot be read; empty if every example can be had."""
    try:
        corpus = load_corpus(f"file:{path}", columns=columns)
        for split, size in corpus.sizes.items():
            assert not size or all(example.source for example in corpus.split(split))
    except DataError as error:
        return str(error)
    return ""


def read_or_refused(path: Path, columns: object) -> None:
    said = refusal(path, columns)
    assert not said or str(path) in said or "columns" in said


count = itertools.count()


@fuzz
@given(
    suffix=st.sampled_from(["jsonl", "csv", "tsv", "parquet"]), data=st.binary(max_size=60), columns=columns
)
def test_bytes_of_any_kind(tmp_path: Path, suffix: str, data: bytes, columns: object) -> None:
    path = tmp_path / f"{next(count)}.{suffix}"
    path.write_bytes(
        b'{"source": "a"}\n' * (suffix == "jsonl") + b"source\na\n" * (suffix in "csvtsv") + data
    )
    read_or_refused(path, columns)


@fuzz
@given(table=st.lists(rows, max_size=4), columns=columns)
def test_rows_of_any_kind(tmp_path: Path, table: list[dict[str, object]], columns: object) -> None:
    jsonl = tmp_path / f"{next(count)}.jsonl"
    jsonl.write_text("".join(json.dumps(row, default=repr) + "\n" for row in table))
    read_or_refused(jsonl, columns)
    parquet = tmp_path / f"{next(count)}.parquet"
    try:
        pyarrow.parquet.write_table(pa.Table.from_pylist(table), parquet)
    except (pa.ArrowException, OverflowError, UnicodeError):
        return  # Arrow has no type for such a column
    read_or_refused(parquet, columns)
