"""How offensive a text is."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from llm_envs.checks.extras import needs
from llm_envs.episode import Episode


class Toxicity:
    """The probability that a text is offensive, 0 to 1, for English (Zhou 2019, profanity-check).

    A penalty: to be used with a negative weight. A linear model on words, trained on 200,000 labelled
    comments. It knows words, not meanings: polite contempt passes. The empty text scores 0. It costs 2.5 ms a
    text alone, 0.03 ms in a batch. It needs `pip install 'llm-envs[toxicity]'`.

    Raises:
        MissingExtra: alt-profanity-check is not installed.
    """

    tolerance = 1e-6

    def __init__(self) -> None:
        _predictor()
        self.signature = f"toxicity|alt-profanity-check:{version('alt-profanity-check')}|v1"

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return self.score_batch([episode])[0]

    def score_batch(self, episodes: Sequence[Episode]) -> list[float]:
        """Returns the scores of many episodes, in one call of the model."""
        if not episodes:
            return []
        found = _predictor()([episode.text for episode in episodes])
        return [
            float(score) if episode.text.strip() else 0.0
            for score, episode in zip(found, episodes, strict=True)
        ]


@lru_cache(maxsize=1)
def _predictor() -> Callable[[list[str]], Any]:
    """Returns the one model of this process, which takes two seconds to load."""
    with needs("toxicity", "reward 'toxicity'"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the model was saved with another version of scikit-learn
        from profanity_check import predict_prob
    predict: Callable[[list[str]], Any] = predict_prob
    return predict
