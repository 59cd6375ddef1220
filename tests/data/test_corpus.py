import hashlib
import json
import pickle
import subprocess
import sys

import pytest

from llm_envs.data import Contents, Corpus, DataError, list_corpora, load_corpus, register_corpus
from llm_envs.data import catalogue as catalogue_module
from llm_envs.episode import Example

EXAMPLES = {"train": [Example("a", ("b", "c")), Example("d", ("b",))], "test": [Example("e")]}


def made(**changes):
    return Corpus.from_examples("mine", "en", {**EXAMPLES, **changes}, license="CC0-1.0")


def test_from_examples_describes_itself():
    corpus = made()
    assert (corpus.name, corpus.language, corpus.license) == ("mine", "en", "CC0-1.0")
    assert corpus.sizes == {"train": 2, "validation": 0, "test": 1}
    assert corpus.split("train")[1] == Example("d", ("b",))


def test_train_texts_are_the_distinct_references():
    assert list(made().train_texts()) == ["b", "c"]


def test_content_hash_is_what_its_docstring_says():
    def digest(source, references):
        record = json.dumps([source, references, {}], separators=(",", ":"))
        return hashlib.sha256(record.encode()).digest()

    train = hashlib.sha256(digest("a", ["b", "c"]) + digest("d", ["b"])).digest()
    nothing, test = hashlib.sha256().digest(), hashlib.sha256(digest("e", [])).digest()
    whole = b"train" + train + b"validation" + nothing + b"test" + test
    assert made().content_hash == hashlib.sha256(whole).hexdigest()


@pytest.mark.parametrize(
    "changes",
    [
        {"test": [Example("e", ("f",))]},
        {"test": [Example("e", metadata={"form": "haiku"})]},
        {"train": EXAMPLES["train"][::-1]},
        {"test": [], "validation": EXAMPLES["test"]},
    ],
)
def test_content_hash_sees_every_part(changes):
    assert made(**changes).content_hash != made().content_hash


def test_an_empty_split_is_named():
    with pytest.raises(DataError, match=r"'mine' has no examples in split 'validation'.*train 2"):
        made().split("validation")


def test_an_unknown_split_is_named_with_the_nearest():
    with pytest.raises(DataError, match=r"unknown split 'tests' of data set 'mine'.*'test'"):
        made().split("tests")


def test_a_corpus_without_examples_is_an_error():
    with pytest.raises(DataError, match="'nothing' is empty"):
        Corpus.from_examples("nothing", "en", {"train": []})


def test_from_examples_refuses_other_splits():
    with pytest.raises(DataError, match="unknown split 'dev'"):
        Corpus.from_examples("mine", "en", {"dev": [Example("a")]})


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("poem", "unknown data set 'poem'; did you mean 'poems'?"),
        ("en-ge", "did you mean 'en-de'?"),
        ("qqqq", "unknown data set 'qqqq'; known are poems"),
        ("ftp:poems", "unknown data set 'ftp:poems'"),
        ("file:", "unknown data set 'file:'"),
    ],
)
def test_an_unknown_data_set_is_named_with_the_nearest(spec, message):
    with pytest.raises(DataError) as caught:
        load_corpus(spec)
    assert message in str(caught.value)


def test_a_spec_that_is_no_text_is_an_error():
    with pytest.raises(DataError, match="named by a string, got int 3"):
        load_corpus(3)


def test_columns_are_refused_for_bundled_corpora():
    with pytest.raises(DataError, match="'poems' has none to choose"):
        load_corpus("poems", columns={"source": "x"})


def test_loading_twice_gives_one_object():
    assert load_corpus("poems") is load_corpus("poems")


def test_listing_reads_nothing():
    program = (
        "from llm_envs.data import list_corpora\n"
        "rows = list_corpora()\n"
        "assert [row.name for row in rows][:3] == ['poems', 'scripts', 'code']\n"
        "assert all(row.language and row.license and row.description for row in rows)\n"
        "assert all(row._splits is None for row in rows)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_importing_imports_no_library_that_reads():
    program = (
        "import sys, llm_envs.data\n"
        "heavy = {'pyarrow', 'datasets', 'yaml', 'pandas', 'torch', 'py3langid', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    # The package's own __init__ may import gymnasium and numpy; the data layer adds nothing to it.
    base = program.replace("llm_envs.data", "llm_envs")
    with_data, without = (
        subprocess.run([sys.executable, "-c", text], check=True, capture_output=True, text=True)
        for text in (program, base)
    )
    assert with_data.stdout == without.stdout
    assert "pyarrow" not in with_data.stdout
    assert "yaml" not in with_data.stdout


def test_a_bundled_corpus_pickles_as_its_name():
    pickled = pickle.dumps(load_corpus("poems"))
    assert len(pickled) < 400
    assert pickle.loads(pickled) is load_corpus("poems")


def test_unpickling_elsewhere_reads_nothing_until_asked(tmp_path):
    (tmp_path / "corpus").write_bytes(pickle.dumps(load_corpus("poems")))
    program = (
        f"import pickle; corpus = pickle.load(open({str(tmp_path / 'corpus')!r}, 'rb'))\n"
        "assert corpus._splits is None\n"
        f"assert corpus.content_hash == {load_corpus('poems').content_hash!r}\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_corpus_of_examples_pickles_whole():
    copy = pickle.loads(pickle.dumps(made()))
    assert copy.content_hash == made().content_hash
    assert copy.split("train") == made().split("train")


def test_a_registered_corpus_is_known_by_name(monkeypatch):
    monkeypatch.setattr(catalogue_module, "REGISTERED", {})
    monkeypatch.setattr(catalogue_module, "OPEN_CORPORA", {})
    register_corpus("mine", lambda: Contents(EXAMPLES), language="en", license="CC0-1.0", description="x")
    assert load_corpus("mine").sizes["train"] == 2
    assert "mine" in [corpus.name for corpus in list_corpora()]
    with pytest.raises(DataError, match="cannot register a data set as 'poems'"):
        register_corpus("poems", lambda: Contents({}), language="", license="", description="")
