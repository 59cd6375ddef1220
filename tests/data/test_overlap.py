import pytest

from llm_envs.data import Corpus, load_corpus, overlap_report
from llm_envs.data.overlap import four_grams
from llm_envs.episode import Example


def test_four_grams_fold_case_and_leave_signs_out():
    assert four_grams("One, two. THREE four!") == {("one", "two", "three", "four")}
    assert four_grams("one two three") == set()
    assert len(four_grams("他在图书馆看书")) == 4


def test_shared_sources_and_4grams_are_counted():
    corpus = Corpus.from_examples(
        "mine",
        "en",
        {
            "train": [Example("A  b", ("one two three four five",))],
            "test": [Example("a B", ("zero one two three four",)), Example("c", ("x",))],
        },
    )
    report = overlap_report(corpus)
    assert report["shared_sources"] == 1
    assert report["test_4grams_in_train"] == 0.5
    assert report["sizes"] == {"train": 1, "validation": 0, "test": 2}
    assert "template_overlap" not in report


def test_nothing_to_compare():
    corpus = Corpus.from_examples("mine", "en", {"train": [Example("a")]})
    assert overlap_report(corpus)["test_4grams_in_train"] is None


@pytest.mark.parametrize("name", ["poems", "scripts", "code", "chat", "en-it"])
def test_bundled_splits_share_no_source_and_little_text(name):
    report = overlap_report(load_corpus(name))
    assert report["shared_sources"] == 0
    assert report["test_4grams_in_train"] < 0.1
