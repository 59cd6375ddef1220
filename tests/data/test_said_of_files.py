"""Files that may be read in several ways: quotation marks, candidate columns, small and shared splits."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from llm_envs.data import SPLITS, Corpus, DataError, DataWarning, load_corpus
from llm_envs.episode import Example


def write(path: Path, *rows: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"file:{path}"


def examples(corpus: Corpus) -> list[Example]:
    return [e for name in SPLITS if corpus.sizes[name] for e in corpus.split(name)]


def pairs(corpus: Corpus) -> set[tuple[str, str]]:
    return {(e.source, e.references[0]) for e in examples(corpus)}


def said(spec: str, **options: Any) -> list[str]:
    """What loading a data set warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load_corpus(spec, **options)
    assert all(issubclass(one.category, DataWarning) for one in caught)
    assert all(one.filename == __file__ for one in caught)
    return [str(one.message) for one in caught]


# Quotation marks.


def test_quotation_marks_of_a_tsv_are_letters(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text('source\ttarget\nA\t"a\nB\tb"\nC\t"c" or c\n')
    corpus = load_corpus(f"file:{path}")
    assert pairs(corpus) == {("A", '"a'), ("B", 'b"'), ("C", '"c" or c')}


def test_quoting_is_an_option_of_the_name(tmp_path):
    text = 'source\ttarget\nA\t"say ""a""\tb"\nB\tb\nC\tc\n'
    path = tmp_path / "x.tsv"
    path.write_text(text)
    with pytest.raises(DataError, match=rf"3 fields; expected 2 .*load file:{path}:quoted"):
        load_corpus(f"file:{path}")
    corpus = load_corpus(f"file:{path}:quoted")
    assert pairs(corpus) == {("A", 'say "a"\tb'), ("B", "b"), ("C", "c")}
    (tmp_path / "x.csv").write_text(text.replace("\t", ","))
    assert ("A", 'say "a",b') in pairs(load_corpus(f"file:{tmp_path / 'x.csv'}"))
    (tmp_path / "y.csv").write_text('source,target\nA,"a\nB,b"\nC,c\n')
    assert ("A", '"a') in pairs(load_corpus(f"file:{tmp_path / 'y.csv'}:unquoted"))
    folder = tmp_path / "folder"
    folder.mkdir()
    for split in SPLITS:
        (folder / f"{split}.tsv").write_text(f'source\ttarget\n{split}\t"a\tb"\n')
    assert pairs(load_corpus(f"file:{folder}:quoted")) == {(split, "a\tb") for split in SPLITS}
    with pytest.raises(DataError, match="':quoted' and ':unquoted' are for"):
        load_corpus(write(tmp_path / "x.jsonl", {"source": "a"}) + ":quoted")


def test_a_tsv_that_seems_to_be_quoted_says_so(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text('source\ttarget\tsplit\nA 12\t"a"\ttrain\nB\t"b"\ttest\nC\tc"\ttrain\n')
    (text,) = said(f"file:{path}")
    assert "2 rows have a field that begins and ends with a quotation mark" in text
    assert f"'file:{path}:quoted'" in text
    assert said(f"file:{path}:unquoted") == []


# Columns.

ALPACA = [
    {"instruction": "Translate to German.", "input": "dog", "output": "Hund"},
    {"instruction": "Translate to French.", "input": "dog", "output": "chien"},
    {"instruction": "Name a dog.", "input": "", "output": "Rex"},
]


def test_alpaca_is_joined_as_its_authors_do_and_that_is_said(tmp_path):
    spec = write(tmp_path / "alpaca.jsonl", *ALPACA)
    texts = said(spec)
    assert any("a blank line and the column 'input'" in text for text in texts)
    expected = {
        ("Translate to German.\n\ndog", "Hund"),
        ("Translate to French.\n\ndog", "chien"),
        ("Name a dog.", "Rex"),
    }
    assert pairs(load_corpus(spec)) == expected
    columns = {"source": ["instruction", "input"], "references": "output"}
    assert pairs(load_corpus(spec, columns=columns)) == expected
    copy = write(tmp_path / "hub.jsonl", *({**row, "text": "Below is an instruction"} for row in ALPACA))
    assert pairs(load_corpus(copy)) == expected


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"prompt": "a", "question": "b", "answer": "c"},
            'source: prompt, question. Say which: columns={"source": "prompt"}, or join',
        ),
        ({"text": "a", "input": "b", "output": "c"}, "the source: input, text"),
        ({"instruction": "a", "context": "b", "response": "c"}, "the source: instruction, context"),
        (
            {"source": "a", "answer": "b", "response": "c"},
            'references: answer, response. Say which: columns={"references": "answer"}',
        ),
        ({"source": "a", "target": "b", "split": "train", "fold": 1}, "the split: split, fold"),
    ],
)
def test_of_several_columns_none_is_chosen_in_silence(tmp_path, row, message):
    with pytest.raises(DataError) as caught:
        load_corpus(write(tmp_path / "x.jsonl", row))
    assert message in str(caught.value)


def test_a_choice_settles_it(tmp_path):
    rows = [{"prompt": "a", "question": "b", "answer": "c", "response": "d", "split": "test", "fold": 3}]
    columns = {"source": "question", "references": ["answer", "response"], "split": "split"}
    corpus = load_corpus(write(tmp_path / "x.jsonl", *rows), columns=columns)
    assert corpus.split("test")[0] == Example("b", ("c", "d"), {})


@pytest.mark.parametrize("late", ["input", "response"])
def test_a_candidate_that_comes_late_is_no_silent_loss(tmp_path, late):
    rows = [{"instruction": "a", "output": "b"}, {"instruction": "c", "output": "d", late: "e"}]
    with pytest.raises(DataError, match=f"line 2: a column '{late}', which the first row does not have"):
        load_corpus(write(tmp_path / "x.jsonl", *rows))


def test_a_joined_source_is_a_text(tmp_path):
    columns = {"source": ["a", "b"], "references": []}
    with pytest.raises(DataError, match="columns 'a', 'b' are empty"):
        load_corpus(write(tmp_path / "x.jsonl", {"a": "", "b": None}), columns=columns)
    with pytest.raises(DataError, match="column 'b' holds int 3"):
        load_corpus(write(tmp_path / "y.jsonl", {"a": "x", "b": 3}), columns=columns)


@pytest.mark.parametrize(
    "form", [{"type": "numpy"}, {"type": "pandas"}, {"type": "torch"}, {"columns": ["question"]}]
)
def test_a_hub_folder_with_an_output_format_reads_as_without(tmp_path, form):
    datasets = pytest.importorskip("datasets")
    rows = [{"question": f"q{i}", "answers": [f"a{i}", "b"], "group": i} for i in range(9)]
    plain = datasets.Dataset.from_list(rows)
    plain.save_to_disk(str(tmp_path / "plain"))
    plain.with_format(**form).save_to_disk(str(tmp_path / "formatted"))
    expected = load_corpus(f"hub:{tmp_path / 'plain'}")
    found = load_corpus(f"hub:{tmp_path / 'formatted'}")
    assert found.content_hash == expected.content_hash
    assert examples(found) == examples(expected)


# Splits.


def test_small_splits_are_said_once_with_the_way_out(tmp_path, monkeypatch):
    rows = [{"source": f"thirty {i}", "target": "x"} for i in range(30)]
    spec = write(tmp_path / "thirty.jsonl", *rows)
    (text,) = said(spec)
    sizes = load_corpus(spec).sizes
    assert f"30 examples, which were split by the hash of their sources: train {sizes['train']}," in text
    assert f"test {sizes['test']}" in text
    assert "column 'split'" in text
    assert "add rows" in text
    monkeypatch.chdir(tmp_path)
    assert said("file:thirty.jsonl") == said("file:./thirty.jsonl") == []  # the same data
    chosen = [{**row, "split": "test" if i < 5 else "train"} for i, row in enumerate(rows)]
    assert said(write(tmp_path / "chosen.jsonl", *chosen)) == []
    assert said(write(tmp_path / "many.jsonl", *({"source": f"s{i}"} for i in range(600)))) == []


def test_test_sources_that_stand_in_train_are_counted(tmp_path):
    rows = [{"source": f"shared {i}", "target": "x", "split": "train"} for i in range(5)]
    shared = [{**row, "split": "test"} for row in rows[:3]]
    spec = write(tmp_path / "shared.jsonl", *rows, *shared)
    (text,) = said(spec)
    assert "the sources of 3 of 3 test examples are in train as well" in text
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder / "train.jsonl", *({"source": row["source"]} for row in rows))
    write(folder / "test.jsonl", {"source": " SHARED  1"}, {"source": "unseen"})
    write(folder / "validation.jsonl", {"source": "shared 2"})
    (text,) = said(f"file:{folder}")
    assert "1 of 1 validation examples and 1 of 2 test examples" in text


def test_separate_splits_of_the_hub_are_compared(tmp_path):
    datasets = pytest.importorskip("datasets")
    part = datasets.Dataset.from_list([{"source": f"hub {i}", "target": "x"} for i in range(4)])
    datasets.DatasetDict({"train": part, "test": part}).save_to_disk(str(tmp_path / "d"))
    (text,) = said(f"hub:{tmp_path / 'd'}")
    assert "4 of 4 test examples are in train" in text
