import sys

import pytest

from llm_envs.data import DataError, load_corpus
from llm_envs.episode import Example

datasets = pytest.importorskip("datasets")


def rows(count, tag=""):
    return datasets.Dataset.from_list(
        [{"question": f"q{tag}{i}", "answer": f"a{i}", "topic": "t"} for i in range(count)]
    )


def saved(path, dataset):
    dataset.save_to_disk(str(path))
    return f"hub:{path}"


def test_official_splits_win(tmp_path):
    parts = {"train": rows(5, "x"), "validation": rows(2, "y"), "test": rows(3, "z")}
    corpus = load_corpus(saved(tmp_path / "d", datasets.DatasetDict(parts)))
    assert corpus.sizes == {"train": 5, "validation": 2, "test": 3}
    assert corpus.split("test")[1] == Example("qz1", ("a1",), {})


def test_other_splits_are_left_aside(tmp_path):
    parts = {"train": rows(5), "test": rows(3, "z"), "unsupervised": rows(9, "u")}
    corpus = load_corpus(saved(tmp_path / "d", datasets.DatasetDict(parts)))
    assert corpus.sizes == {"train": 5, "validation": 0, "test": 3}


@pytest.mark.parametrize("name", [None, "train", "everything"])
def test_a_single_split_is_split_by_hash(tmp_path, name):
    dataset = rows(200) if name is None else datasets.DatasetDict({name: rows(200)})
    sizes = load_corpus(saved(tmp_path / "d", dataset)).sizes
    assert sum(sizes.values()) == 200
    assert all(size > 0 for size in sizes.values())


def test_columns_are_mapped(tmp_path):
    spec = saved(tmp_path / "d", rows(20))
    columns = {"source": "topic", "references": ["question", "answer"], "metadata": ["topic"]}
    example = load_corpus(spec, columns=columns).split("train")
    assert example[0].source == "t"
    assert len(example[0].references) == 2
    assert example[0].metadata == {"topic": "t"}


def test_a_folder_of_plain_files(tmp_path):
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "train.csv").write_text("prompt,answer\na,b\nc,d\n")
    (tmp_path / "plain" / "test.csv").write_text("prompt,answer\ne,f\n")
    corpus = load_corpus(f"hub:{tmp_path / 'plain'}")
    assert corpus.split("test")[0] == Example("e", ("f",), {})


def test_a_bad_row_is_reported_by_number(tmp_path):
    dataset = datasets.Dataset.from_list([{"source": "a"}, {"source": None}])
    with pytest.raises(DataError, match="row 2: column 'source' is missing"):
        load_corpus(saved(tmp_path / "d", dataset))


def test_an_empty_data_set_is_an_error(monkeypatch):
    empty = datasets.Dataset.from_dict({"source": []})
    monkeypatch.setattr(datasets, "load_dataset", lambda name, config: {"train": empty})
    with pytest.raises(DataError, match="hub:some/nothing is empty: it has no rows"):
        load_corpus("hub:some/nothing")


def test_a_folder_that_is_no_data_set(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"cannot be loaded .*expected the name of a data set"):
        load_corpus(f"hub:{tmp_path / 'empty'}")


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"hub:some/name needs .*llm-envs\[hub\]"):
        load_corpus("hub:some/name")


def test_a_configuration_is_passed_on(monkeypatch):
    asked = []

    def load_dataset(name, config=None):
        asked.append((name, config))
        return {"train": rows(3), "test": rows(1, "z")}

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert load_corpus("hub:some/name:de-en").sizes["train"] == 3
    assert asked == [("some/name", "de-en")]
