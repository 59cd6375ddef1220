"""How similar a text is to the train split, by an n-gram model that is calibrated on it."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from llm_envs.episode import Episode
from llm_envs.rewards.context import RewardContext
from llm_envs.rewards.fitting import fit_once, text_hash
from llm_envs.rewards.ngram_model import NgramModel
from llm_envs.tokenizers.words import is_word, tokens_of

_FOLDS = 5
_HELD_OUT = 500  # the most texts scored for the calibration
_MOST = 1.0  # nats of evidence that one token can bring
_SHORT = 2  # added to the number of tokens in the mean, because few tokens prove little
_SALAD_QUANTILE = 0.01
_POWER = 3  # keeps shuffled texts near 0 and yet lets a learner feel every step towards real ones
_REAL_QUANTILE = 0.40


class _Fitted(NamedTuple):
    """A model of the train texts and its calibration.

    Attributes:
        model: Fitted on all train texts.
        shuffled: The mean evidence of a token in shuffled texts.
        low: Mean evidence that scores 0.
        high: Mean evidence that scores 1.
        enough: Texts with fewer distinct words than this are scaled down.
    """

    model: NgramModel
    shuffled: float
    low: float
    high: float
    enough: int


class Fluency:
    """How fluent the text is under an n-gram model of the train texts, 0 to 1.

    The evidence of a token is log P(token | two before) - log P(token). Its mean over the tokens is mapped to
    0 to 1. At 0 lies the worst hundredth of train texts with shuffled words. At 1 lie three in five train
    texts under a model that has not seen them (five-fold cross-validation on the train split alone). In
    between, the score is the cube of the distance. A list of frequent words gains nothing, because a token's
    frequency is subtracted. A repeated pair of tokens, and an unknown word after another, count like shuffled
    words. No token counts for more than 1 nat, so a few certain pairs cannot make up for nonsense. A text
    with fewer distinct words than 19 in 20 train texts is scaled down by the square of that share. The empty
    text scores 0.

    Args:
        scale: "unit" for 0 to 1; "logprob" for the mean log-probability per token in nats (< 0).
        context: Gives the train texts, at least two distinct ones.
    """

    def __init__(self, *, scale: str = "unit", context: RewardContext) -> None:
        if scale not in ("unit", "logprob"):
            raise ValueError(f"unknown scale={scale!r}; 'unit' (0 to 1) or 'logprob' (nats)")
        texts = list(dict.fromkeys(context.require_train_texts()))
        digest = text_hash(texts)
        self._fitted = fit_once(("fluency", digest), lambda: _fit(texts))
        self._unit = scale == "unit"
        self.signature = f"fluency|scale:{scale}|order:3|smooth:witten-bell|train:{digest}|v2"

    @property
    def model(self) -> NgramModel:
        """The n-gram model of all train texts."""
        return self._fitted.model

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        fitted = self._fitted
        if not self._unit:
            return fitted.model.logprob(episode.text)
        tokens = tokens_of(episode.text)
        distinct = len({token for token in tokens if is_word(token)})
        if not distinct:
            return 0.0
        evidence = _evidence(fitted.model, tokens, fitted.shuffled)
        score = (evidence - fitted.low) / (fitted.high - fitted.low)
        return min(1.0, max(0.0, score)) ** _POWER * min(1.0, distinct / fitted.enough) ** 2


def _evidence(model: NgramModel, tokens: Sequence[str], shuffled: float) -> float:
    """Returns the mean evidence of a text, what may not speak for it counted as `shuffled`."""
    total = 0.0
    seen = set()
    last, last_unknown = "\n", False
    for token, _, evidence in model.score_tokens(tokens):
        unknown = model.is_unknown(token)
        if (last, token) in seen or (unknown and last_unknown):
            total += min(evidence, shuffled)
        else:
            total += min(evidence, _MOST)
        seen.add((last, token))
        last, last_unknown = token, unknown
    return total / (len(tokens) + 1 + _SHORT)


def _fit(texts: Sequence[str]) -> _Fitted:
    sequences = [tokens for tokens in map(tokens_of, texts) if any(map(is_word, tokens))]
    if len(sequences) < 2:
        raise ValueError("needs at least two distinct train texts with words in them")
    rng = Random(0)
    order = list(range(len(sequences)))
    rng.shuffle(order)
    folds = min(_FOLDS, len(order))
    asked = max(1, _HELD_OUT // folds)
    real: list[tuple[NgramModel, list[str]]] = []
    # One fold of a large corpus holds enough texts, and each fold costs a model.
    rounds = folds if len(order) <= 4 * _HELD_OUT else 1
    for fold in range(rounds):
        held_out = order[fold::folds]
        left_out = set(held_out)
        model = NgramModel(sequences[i] for i in order if i not in left_out)
        scored = held_out[: asked if rounds > 1 else _HELD_OUT]
        real += [(model, sequences[i]) for i in scored]
    salad = [(model, _shuffled(tokens, rng)) for model, tokens in real]
    plain = [token.evidence for model, tokens in salad for token in model.score_tokens(tokens)]
    shuffled = min(0.0, sum(plain) / len(plain))
    low = _quantile([_evidence(m, t, shuffled) for m, t in salad], _SALAD_QUANTILE)
    high = _quantile([_evidence(m, t, shuffled) for m, t in real], _REAL_QUANTILE)
    words = [float(len({token for token in t if is_word(token)})) for t in sequences]
    return _Fitted(
        model=NgramModel(sequences),
        shuffled=shuffled,
        low=low,
        high=max(high, low + 0.1),
        enough=max(1, int(_quantile(words, 0.05))),
    )


def _shuffled(tokens: Sequence[str], rng: Random) -> list[str]:
    """Returns the tokens with the words in random order. Punctuation and line breaks stay."""
    words = [token for token in tokens if is_word(token)]
    rng.shuffle(words)
    rest = iter(words)
    return [next(rest) if is_word(token) else token for token in tokens]


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
