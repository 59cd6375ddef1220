"""How much a text reads like the language of the train split, and not like its pieces."""

from __future__ import annotations

from llm_envs.episode import Episode
from llm_envs.rewards.context import RewardContext
from llm_envs.rewards.fitting import fit_once, text_hash
from llm_envs.rewards.grammar.fitted import FittedFluency, fit_fluency
from llm_envs.rewards.grammar.found import found_hash
from llm_envs.rewards.ngram_model import NgramModel
from llm_envs.tokenizers.words import tokens_of


class Fluency:
    """How likely a text is the work of somebody who writes like the train texts, 0 to 1.

    A classifier (logistic regression) tells train texts from corrupted copies of them. Corrupted are the
    order of words, their class, function words and whole lines; strings of likely pairs and triples of words
    count as corrupted, and so do texts that learners found against earlier versions. The classifier sees
    about fifteen measures. The most important are the n-grams of word classes: for English, a list of words
    gives the classes a word can have, and its neighbours decide between them. Other measures are the worst
    places of a text, sentences without a verb, repetition, and how far a text's probability is from that of
    real texts, in both directions: too likely is as suspicious as too unlikely.

    The models behind the measures have not seen the texts that the classifier learns from (five-fold
    cross-validation on the train split alone). Four in five unseen train texts score 0.85 or more, and six in
    ten corrupted ones 0.1 or less. A text with fewer distinct words than 19 in 20 train texts is scaled down
    by the square of that share. The empty text scores 0.

    Args:
        scale: "unit" for 0 to 1; "logprob" for the mean log-probability per token in nats (< 0) under a
            trigram model.
        context: Gives the train texts, at least two distinct ones.
    """

    def __init__(self, *, scale: str = "unit", context: RewardContext) -> None:
        if scale not in ("unit", "logprob"):
            raise ValueError(f"unknown scale={scale!r}; 'unit' (0 to 1) or 'logprob' (nats)")
        texts = list(dict.fromkeys(context.require_train_texts()))
        digest = text_hash(texts)
        self._fitted: FittedFluency = fit_once(("fluency", digest), lambda: fit_fluency(texts))
        self._unit = scale == "unit"
        self.signature = f"fluency|scale:{scale}|train:{digest}|found:{found_hash()}|v3"

    @property
    def model(self) -> NgramModel:
        """The n-gram model of all train texts."""
        return self._fitted.measures.word_model

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        if not self._unit:
            return self.model.logprob(episode.text)
        return self._fitted.score(tokens_of(episode.text))
