import json
import os
import pickle
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_envs.data import SPLITS, DataError, load_corpus
from llm_envs.data.files.delimited import Delimited
from llm_envs.data.files.json_lines import JsonLines
from llm_envs.episode import Example


def all_examples(corpus):
    return [example for name in SPLITS if corpus.sizes[name] for example in corpus.split(name)]


def loaded(path, text, columns=None):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_corpus(f"file:{path}", columns=columns)


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def parquet(path, rows, **options):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path, **options)
    return path


def write(folder, suffix, rows):
    """Write rows of texts in any of the formats."""
    path = folder / f"rows.{suffix}"
    if suffix == "parquet":
        return parquet(path, rows, row_group_size=7)
    if suffix == "jsonl":
        path.write_text(lines(*rows))
    else:
        import csv

        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="," if suffix == "csv" else "\t")
            writer.writeheader()
            writer.writerows(rows)
    return path


FORMATS = ["jsonl", "csv", "tsv", "parquet"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_same_corpus(tmp_path, suffix):
    rows = [
        {"source": f"say, {i}", "references": f'"ü {i}"\nand a line', "group": f"g{i // 2}"}
        for i in range(60)
    ]
    option = ":quoted" if suffix == "tsv" else ""
    corpus = load_corpus(f"file:{write(tmp_path, suffix, rows)}{option}")
    assert sum(corpus.sizes.values()) == 60
    expected = {row["source"]: row for row in rows}
    for example in all_examples(corpus):
        row = expected[example.source]
        assert example.references == (row["references"],)
        assert example.metadata == {"group": row["group"]}
    assert corpus.content_hash == HASH_OF_60_ROWS


HASH_OF_60_ROWS = "5b7c8cec7cbb6e6966208a4b6b78b1f93798b3c7885f7394ce3c63c36dc93571"


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_official_split_column_wins(tmp_path, suffix):
    rows = [
        {"source": f"s{i}", "answer": "x", "split": fold}
        for i, fold in enumerate(["train", "dev", "test", "train", "Training"])
    ]
    corpus = load_corpus(f"file:{write(tmp_path, suffix, rows)}")
    assert corpus.sizes == {"train": 3, "validation": 1, "test": 1}
    assert [example.source for example in corpus.split("train")] == ["s0", "s3", "s4"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_columns_are_mapped(tmp_path, suffix):
    rows = [
        {"q": f"q{i}", "gold": "a", "silver": "b", "fold": "test" if i else "train", "topic": "t"}
        for i in range(2)
    ]
    corpus = load_corpus(
        f"file:{write(tmp_path, suffix, rows)}",
        columns={
            "source": "q",
            "references": ["gold", "silver"],
            "split": "fold",
            "metadata": ["topic"],
        },
    )
    assert corpus.split("test")[0] == Example("q1", ("a", "b"), {"topic": "t"})


@pytest.mark.parametrize("suffix", FORMATS)
def test_prompt_only_files_have_no_references(tmp_path, suffix):
    path = write(tmp_path, suffix, [{"prompt": f"p{i}"} for i in range(30)])
    corpus = load_corpus(f"file:{path}")
    assert all(example.references == () for example in corpus.split("train"))
    assert len(corpus.train_texts()) == 0


def test_lists_objects_and_dotted_names(tmp_path):
    text = lines(
        {"translation": {"en": "cat", "de": ["Katze", "Kater"]}, "metadata": {"k": 1}},
        {"translation": {"en": "dog", "de": ["Hund"]}, "metadata": {"k": 2}},
    )
    columns = {"source": "translation.en", "references": "translation.de"}
    corpus = loaded(tmp_path / "x.jsonl", text, columns)
    assert Example("cat", ("Katze", "Kater"), {"k": 1}) in all_examples(corpus)


def test_references_can_be_left_out_on_purpose(tmp_path):
    text = lines({"source": "a", "answer": "b"}, {"source": "c"})
    corpus = loaded(tmp_path / "x.jsonl", text, {"references": []})
    assert all(example.references == () for example in all_examples(corpus))


def test_a_header_may_have_spaces_and_a_field_may_be_long(tmp_path):
    long = "word " * 40_000
    corpus = loaded(tmp_path / "x.csv", f"source, answer\na,b\nc,{long}\n")
    assert {example.references for example in all_examples(corpus)} == {("b",), (long,)}


def test_exact_duplicates_are_removed(tmp_path):
    corpus = loaded(tmp_path / "x.csv", "source,answer\na,b\na,b\na,c\n")
    assert len(all_examples(corpus)) == 2


def test_a_source_is_in_one_split_only(tmp_path):
    rows = [
        {"source": f"S {i % 50} ".upper() if i % 2 else f"s {i % 50}", "answer": str(i)} for i in range(400)
    ]
    corpus = loaded(tmp_path / "x.jsonl", lines(*rows))
    found = [{e.source.lower().strip() for e in corpus.split(name)} for name in SPLITS]
    assert sum(map(len, found)) == len(set().union(*found)) == 50


def test_a_folder_of_split_files(tmp_path):
    write_rows = {
        "train.jsonl": 3,
        "dev.csv": 1,
        "test-00000-of-00002.jsonl": 2,
        "test-00001-of-00002.jsonl": 1,
    }
    for number, (name, count) in enumerate(write_rows.items()):
        if name.endswith("csv"):
            (tmp_path / name).write_text("prompt,answer\nq,a\n")
        else:
            rows = [{"source": f"{number} {i}", "references": ["r"]} for i in range(count)]
            (tmp_path / name).write_text(lines(*rows))
    corpus = load_corpus(f"file:{tmp_path}")
    assert corpus.sizes == {"train": 3, "validation": 1, "test": 3}


def test_links_to_nowhere_in_a_folder(tmp_path):
    (tmp_path / "train.jsonl").write_text(lines({"source": "a"}, {"source": "b"}))
    (tmp_path / ".#train.jsonl").symlink_to("somebody@somewhere.1234")  # as some editors mark open files
    (tmp_path / "test.jsonl").symlink_to("moved.jsonl")
    with pytest.raises(DataError, match=r"test\.jsonl is a link to 'moved\.jsonl', where there is no file"):
        load_corpus(f"file:{tmp_path}")
    (tmp_path / "test.jsonl").unlink()
    assert sum(load_corpus(f"file:{tmp_path}").sizes.values()) == 2


def test_a_folder_with_only_train_is_split_by_hash(tmp_path):
    rows = [{"source": f"s{i}", "references": ["r"]} for i in range(100)]
    (tmp_path / "train.jsonl").write_text(lines(*rows))
    assert all(size > 0 for size in load_corpus(f"file:{tmp_path}").sizes.values())


BAD_ROWS = [
    ("x.jsonl", '{"source": "a"}\n\n{"source": \n', "line 3: not JSON"),
    ("x.jsonl", '{"source": "a"}\n["b"]\n', "line 2: a JSON list; expected an object"),
    ("x.jsonl", '{"source": "a"}\n{"sauce": "b"}\n', "line 2: column 'source' is missing"),
    (
        "x.jsonl",
        '{"source": "a"}\n{"source": 3}\n',
        "line 2: column 'source' holds int 3; expected",
    ),
    ("x.jsonl", '{"source": "a"}\n{"source": "  "}\n', "line 2: column 'source' is empty"),
    (
        "x.jsonl",
        '{"source": "a", "references": ["b"]}\n{"source": "c", "references": [4]}\n',
        "line 2: column 'references' holds int 4; expected a reference",
    ),
    (
        "x.jsonl",
        '{"source": "a", "references": ["b"]}\n{"source": "c"}\n',
        "line 2: no reference in 'references', though rows before have one",
    ),
    (
        "x.jsonl",
        '{"source": "a", "references": ["b"]}\n{"source": "c", "references": ["  ", "\\n"]}\n',
        "line 2: no reference in 'references', though rows before have one",
    ),
    (
        "x.jsonl",
        '{"source": "a"}\n{"source": "so \\ud83d"}\n',
        r"line 2: column 'source' holds '\ud83d' at position 4, which is half of a character",
    ),
    (
        "x.jsonl",
        '{"source": "a", "answer": "b"}\n{"source": "c", "answer": "\\ude00"}\n',
        r"line 2: column 'answer' holds '\ude00' at position 1, which is half of a character",
    ),
    (
        "x.jsonl",
        '{"source": "a", "metadata": {"history": [["user", "\\ude00"]]}}\n',
        r"line 1: column 'metadata' holds '\ude00' at position 1, which is half of a character",
    ),
    (
        "x.jsonl",
        '{"source": "a", "references": []}\n{"source": "c", "references": ["d"]}\n',
        "line 2: a reference, though rows before have none",
    ),
    (
        "x.jsonl",
        b'{"source": "a"}\n{"source": "\xe9"}\n',
        "line 2: byte 0xe9 at position 13 is not UTF-8",
    ),
    (
        "x.jsonl",
        '{"source": "a", "split": "train"}\n{"source": "b", "split": "later"}\n',
        "line 2: column 'split' holds str 'later'; expected a split: train, validation, test",
    ),
    (
        "x.jsonl",
        '{"source": "a"}\n{"source": "c", "answer": "d"}\n',
        "line 2: a column 'answer', which the first row does not have",
    ),
    (
        "x.jsonl",
        '{"source": "a", "answer": "b"}\n{"source": "c", "answer": "d", "split": "test"}\n',
        "line 2: a column 'split', which the first row does not have",
    ),
    ("x.jsonl", '{"source": "a"}\n{"source": "b", "n": ' + "9" * 5000 + "}\n", "line 2: not JSON (Exceeds"),
    ("x.csv", "source,answer\na,b\nc\n", "line 3: 1 fields; expected 2 (source, answer)"),
    ("x.csv", 'source,answer\n"a\nb",c\nd,e,f\n', "line 4: 3 fields; expected 2"),
    ("x.csv", 'source,answer\na,b\n"c,d\ne,f\n', "line 3: unexpected end of data"),
    ("x.csv", "source,answer\na,b\nc,   \n", "line 3: no reference in 'answer'"),
    ("x.csv", "source,answer\na,b\n,d\n", "line 3: column 'source' is empty"),
    ("x.csv", b"source,answer\na,b\n\xff,d\n", "line 3: byte 0xff at position 1 is not UTF-8"),
    ("x.csv", "source,source\na,b\n", "line 1: the header names 'source' twice"),
    ("x.tsv", "source\tanswer\na\tb\nc d\n", "line 3: 1 fields; expected 2"),
]


@pytest.mark.parametrize(("name", "text", "message"), BAD_ROWS)
def test_a_bad_row_is_reported_where_it_stands(tmp_path, name, text, message):
    with pytest.raises(DataError) as caught:
        loaded(tmp_path / name, text)
    assert message in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_a_bad_parquet_row_is_reported_by_number(tmp_path):
    rows = [{"source": "a"}, {"source": None}]
    with pytest.raises(DataError, match=r"rows\.parquet, row 2: column 'source' is missing"):
        load_corpus(f"file:{write(tmp_path, 'parquet', rows)}")


def test_a_file_that_is_no_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match="not a readable parquet file"):
        loaded(tmp_path / "x.parquet", "source\na\n")


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(DataError, match=r"llm-envs\[parquet\]"):
        loaded(tmp_path / "x.parquet", "anything")


@pytest.mark.parametrize(
    ("name", "text"), [("x.jsonl", ""), ("x.jsonl", "\n\n"), ("x.csv", ""), ("x.csv", "source\n")]
)
def test_an_empty_file_is_an_error(tmp_path, name, text):
    with pytest.raises(DataError, match=f"{name} is empty: it has no rows"):
        loaded(tmp_path / name, text)


def test_files_that_are_not_there_or_not_known(tmp_path):
    (tmp_path / "poems.jsonl").write_text("")
    with pytest.raises(DataError, match=r"there is no file .*did you mean 'poems\.jsonl'"):
        load_corpus(f"file:{tmp_path / 'poem.jsonl'}")
    with pytest.raises(DataError, match=r"ends in '\.txt'; expected one of \.jsonl"):
        loaded(tmp_path / "x.txt", "a")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="has no data files; expected train, validation or test"):
        load_corpus(f"file:{tmp_path / 'folder'}")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"source": "promt"}, "no column 'promt' (asked for as source); did you mean 'prompt'?"),
        ({"sauce": "prompt"}, "unknown key 'sauce' in columns="),
        ({"source": []}, "names 0 columns; expected one"),
        ({"split": ["prompt", "reply"]}, "names 2 columns; expected one"),
        ({"references": 3}, "columns['references'] is 3"),
    ],
)
def test_a_wrong_mapping_is_an_error(tmp_path, columns, message):
    with pytest.raises(DataError) as caught:
        loaded(tmp_path / "x.csv", "prompt,reply\na,b\n", columns)
    assert message in str(caught.value)


def test_no_column_for_the_source(tmp_path):
    with pytest.raises(DataError, match=r"no column holds the source; its columns are a, b"):
        loaded(tmp_path / "x.csv", "a,b\n1,2\n")


def test_an_edited_file_is_read_anew(tmp_path):
    path = tmp_path / "x.csv"
    first = loaded(path, "source\na\n")
    second = loaded(path, "source\na\nbb\n")
    assert first is not second
    assert sum(second.sizes.values()) == 2


def test_pickles_find_the_file_again_and_notice_changes(tmp_path):
    path = tmp_path / "x.csv"
    corpus = loaded(path, "source\na\nb\n")
    pickled, examples = pickle.dumps(corpus), all_examples(corpus)
    assert all_examples(pickle.loads(pickled)) == examples
    copies = pickle.loads(pickle.dumps([corpus.split(n) for n in SPLITS if corpus.sizes[n]]))
    assert [example for split in copies for example in split] == examples
    path.write_text("source\nother\nb\n")
    with pytest.raises(DataError, match="has changed since this copy was pickled"):
        pickle.loads(pickled).split("train")


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("change", ["shorter", "same size", "gone"])
def test_a_file_that_changed_since_the_scan_is_an_error(tmp_path, suffix, change):
    def rows(word, count=3000):
        return [{"source": f"{word} {i:06d}", "references": f"{word} {i:06d}"} for i in range(count)]

    path = write(tmp_path, suffix, rows("aaa"))
    examples = load_corpus(f"file:{path}").split("train")
    assert examples[0].source.startswith("aaa")
    if change == "gone":
        path.unlink()
    else:
        write(tmp_path, suffix, rows("bbb", 3000 if change == "same size" else 1))
        os.utime(path, ns=(0, 10**18))
    with pytest.raises(DataError, match=rf"rows\.{suffix} has changed since it was first read; load"):
        examples[len(examples) - 1]


def test_a_parquet_file_with_a_broken_page_is_named(tmp_path):
    path = parquet(tmp_path / "x.parquet", [{"source": f"{i} " * 50} for i in range(100)])
    data = bytearray(path.read_bytes())
    data[4:200] = bytes(196)
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"x\.parquet is not a readable parquet file"):
        load_corpus(f"file:{path}")


def test_byte_order_mark_blank_lines_and_windows_ends(tmp_path):
    text = b'\xef\xbb\xbfsource,answer\r\n\r\n"a\r\nb",c\r\nd,e\r\n'
    assert {e.source for e in all_examples(loaded(tmp_path / "x.csv", text))} == {"a\r\nb", "d"}
    text = b'\xef\xbb\xbf{"source": "a"}\r\n \r\n{"source": "b"}'
    assert {e.source for e in all_examples(loaded(tmp_path / "x.jsonl", text))} == {"a", "b"}


fields = st.text(alphabet='ab ,"\n\r\tü漢', max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(fields, fields), min_size=1, max_size=12))
def test_any_row_is_found_again_by_its_offsets(tmp_path_factory, rows):
    import csv

    folder = tmp_path_factory.mktemp("rows")
    for delimiter, name in ((",", "x.csv"), ("\t", "x.tsv")):
        with open(folder / name, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
            writer.writerows([("p", "q"), *rows])
        table = Delimited(folder / name, delimiter, quoted=True)
        scanned = [row for _, row in table.scan(["p"])]
        assert scanned == [{"p": a, "q": b} for a, b in rows]
        assert [table.row(i) for i in reversed(range(len(rows)))] == scanned[::-1]
    (folder / "x.jsonl").write_text(lines(*({"p": a, "q": b} for a, b in rows)))
    table = JsonLines(folder / "x.jsonl")
    scanned = [row for _, row in table.scan(["p"])]
    assert [table.row(i) for i in range(len(rows))] == scanned


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_a_large_file_is_not_kept_in_memory(tmp_path, suffix, monkeypatch):
    filler = "words and more words " * 60
    rows = [{"source": f"{i} {filler}", "references": f"{filler} {i}"} for i in range(10_000)]
    path = write(tmp_path, suffix, rows)
    del rows
    tracemalloc.start()
    corpus = load_corpus(f"file:{path}")
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 25_000_000
    assert kept < 3_000_000
    assert peak < 6_000_000
    decoded = []
    table = JsonLines if suffix == "jsonl" else Delimited
    row = table.row
    monkeypatch.setattr(table, "row", lambda self, i: (decoded.append(i), row(self, i))[1])
    examples = corpus.split("train")
    assert decoded == []
    assert examples[-1].source.split()[0] == examples[-1].references[0].split()[-1]
    assert len(decoded) == 2


def test_parquet_rows_come_by_row_group(tmp_path):
    path = parquet(tmp_path / "x.parquet", [{"source": f"s{i}"} for i in range(500)], row_group_size=50)
    corpus = load_corpus(f"file:{path}")
    sources = [e.source for name in SPLITS for e in corpus.split(name)]
    assert sorted(sources) == sorted(f"s{i}" for i in range(500))
    table = corpus.split("train")._tables[0][0]
    assert 0 < len(table._groups) <= 4


def test_train_texts_of_a_file_are_distinct_and_indexable(tmp_path):
    rows = [{"source": f"s{i}", "references": [f"r{i // 2}", "same"]} for i in range(50)]
    texts = loaded(tmp_path / "x.jsonl", lines(*rows)).train_texts()
    assert len(texts) == len(set(texts)) == len(list(texts))
    assert [texts[i] for i in range(len(texts))] == list(texts)
    assert texts[-1] == list(texts)[-1]
    with pytest.raises(IndexError):
        texts[len(texts)]


def test_the_language_of_a_file_is_guessed(tmp_path):
    german = "Der alte Mann geht langsam durch den Garten und sucht seine Brille."
    rows = [{"source": f"s{i}", "references": german} for i in range(3)]
    assert loaded(tmp_path / "de.jsonl", lines(*rows)).language == "de"
    rows = [{"source": f"s{i}", "references": "他在图书馆里看一本很有意思的书。"} for i in range(3)]
    assert loaded(tmp_path / "zh.jsonl", lines(*rows)).language == "zh"
    assert loaded(tmp_path / "un.jsonl", lines({"source": "1 + 1"})).language == "und"
