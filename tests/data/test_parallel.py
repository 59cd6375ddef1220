import pytest

from llm_envs.data import SPLITS, load_corpus, overlap_report
from llm_envs.data.grammar.parallel import pairs_of


@pytest.mark.parametrize("name", ["en-de", "en-zh"])
def test_the_grammar_s_own_splits_are_kept(name):
    corpus = load_corpus(name)
    pairs = pairs_of(name)
    assert corpus.sizes["test"] >= 200
    assert corpus.sizes == {split: sum(p.split == split for p in pairs) for split in SPLITS}
    test = {pair.source: pair for pair in pairs if pair.split == "test"}
    for example in corpus.split("test"):
        assert example.references == tuple(test[example.source].references)
        assert example.metadata["template"] == test[example.source].template


@pytest.mark.parametrize("name", ["en-de", "en-zh"])
def test_the_overlap_of_templates_is_reported(name):
    report = overlap_report(load_corpus(name))
    assert 0 <= report["template_overlap"] <= 1
    assert report["shared_sources"] == 0


@pytest.mark.parametrize("name", ["poems", "en-de-1", "en-de-4", "en-fr"])
def test_other_names_are_no_grammars(name):
    assert pairs_of(name) is None
