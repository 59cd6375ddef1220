"""How far a text consists of English sentences that say one thing after another."""

from __future__ import annotations

from collections.abc import Sequence

from llm_envs.episode import Episode, Example
from llm_envs.rewards.context import RewardContext
from llm_envs.rewards.fitting import fit_once, text_hash
from llm_envs.rewards.grammar.fitted import fit_fluency
from llm_envs.rewards.increments.fluency import FluencyIncrement
from llm_envs.rewards.increments.sentences import SentencesScorer
from llm_envs.rewards.syntax.fitted import FittedSyntax
from llm_envs.rewards.syntax.meanings import unfit
from llm_envs.rewards.syntax.rules import lists_hash
from llm_envs.tokenizers.words import tokens_of


class Sentences:
    """How far a text consists of English sentences that do not repeat themselves, 0 to 1.

    Rules read each sentence: noun phrases, verbs that agree and have what they need, clauses, and what joins
    them. The cheapest reading counts. It costs 1 point where it is odd, 2 for a fault such as a wrong number
    or tense, and 3 for a word that fits nowhere. Words without a main clause cost something, if there are
    more than three. So does what a text says twice: content words, pairs and triples of words, and triples of
    classes. Lines that begin alike are free in a list: four lines or more that all begin with the same word.

    With d points per word the score is 1 / (1 + (d / 0.35)^4). A text of fewer than eight words is scored as
    if it had eight. The empty text scores 0.

    What a word can be, and which prepositions go with which nouns, is learned from the train texts. Lists of
    English words are the beginning. The rules know nothing else of meaning: nonsense may be grammatical.

    Args:
        context: Gives the train texts, at least two distinct ones, in English.
    """

    def __init__(self, *, context: RewardContext) -> None:
        texts = list(dict.fromkeys(context.require_train_texts()))
        digest = text_hash(texts)
        fluency = fit_once(("fluency", digest), lambda: fit_fluency(texts))
        classes = fluency.measures.classes
        if not classes.is_english:
            raise ValueError(
                "sentences knows the grammar of English, and most words of the train texts are not English"
            )
        self._fitted: FittedSyntax = fit_once(
            ("sentences", digest), lambda: FittedSyntax(classes, unfit(map(tokens_of, texts), classes))
        )
        self.signature = f"sentences|train:{digest}|lists:{lists_hash()}|v2"

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return self._fitted.score(tokens_of(episode.text), _asked(episode.example))

    def increment(self, example: Example) -> FluencyIncrement:
        """Returns the scores of the growing prefixes of one text."""
        return FluencyIncrement(SentencesScorer(self._fitted, _asked(example)))


def _asked(example: Example) -> Sequence[str]:
    return example.metadata.get("words") or ()
