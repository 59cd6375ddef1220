"""How much a text reads like the language of the train split, and not like its pieces."""

from __future__ import annotations

from llm_envs.episode import Episode, Example
from llm_envs.rewards.context import RewardContext
from llm_envs.rewards.fitting import fit_once, text_hash
from llm_envs.rewards.grammar.fitted import FittedFluency, fit_fluency
from llm_envs.rewards.grammar.found import found_hash
from llm_envs.rewards.increments.fluency import FluencyIncrement, LogprobScorer, UnitScorer
from llm_envs.rewards.ngram_model import NgramModel
from llm_envs.tokenizers.words import tokens_of


class Fluency:
    """How much a text reads like the train texts and unlike word salad, 0 to 1.

    A classifier (logistic regression) tells train texts from corrupted copies of them: with words exchanged,
    dropped or in another order, with one line repeated as a frame, or strung together from likely pairs and
    triples. Texts that learners found against an earlier version count as corrupted too, if the train texts
    have their words.

    The classifier adds up faults. A fault is one of 18 measures that is not as it is in real texts. Nothing
    speaks for a text but the absence of faults. The measures are n-grams of word classes and of the parts of
    sentences, the worst places, sentences without a verb, repetition, and the text's probability. Too likely
    is a fault as too unlikely is. So a train text, copied, scores low. The classes of English words come from
    a list of our own, and their neighbours decide between them. In other languages frequent words and endings
    are the classes. `docs/rewards/fluency.md` says what this withstands and what not.

    The models behind the measures have not seen the texts that the classifier learns from (five-fold
    cross-validation on the train split alone). Three in four unseen train texts score 0.85 or more, and half
    of the corrupted ones 0.05 or less. A text with fewer distinct words than 19 in 20 train texts is scaled
    down by the square of that share. The empty text scores 0.

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

    def increment(self, example: Example) -> FluencyIncrement:
        """Returns the scores of the growing prefixes of one text."""
        return FluencyIncrement(UnitScorer(self._fitted) if self._unit else LogprobScorer(self.model))
