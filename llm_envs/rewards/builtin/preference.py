"""What people preferred, as a reward."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llm_envs.episode import Episode
from llm_envs.rewards.preference_model import read_preference_model
from llm_envs.rewards.pretrained import TOLERANCE, Source


class Preference:
    """A Bradley-Terry model fitted to people's comparisons by `llm-envs rewards fit-preferences`.

    `reward="preference:FOLDER"` is short for `model=FOLDER`. The folder is one JSON file; nothing in it runs.
    Without a language model it is read without torch.

    Args:
        model: The folder.
        output: "win_rate": the mean probability that people prefer the text to those that they compared, 0 to
            1. "logit": the text's score in log-odds, of any size.
        device: A torch device for the folder's language model, or "auto": a GPU if there is one.
    """

    def __init__(self, *, model: str, output: str = "win_rate", device: str = "auto") -> None:
        self._model = read_preference_model(model)
        if output not in ("win_rate", "logit"):
            raise ValueError(f"unknown output={output!r}; 'win_rate' or 'logit'")
        self._output = output
        self._lm: Source | None = None
        self.tolerance = 1e-6
        if self._model.lm is not None:
            name, identity = self._model.lm
            self._lm = Source("encoder", name, device)
            loaded = self._lm.load()
            if loaded.identity != identity:
                raise ValueError(
                    f"{model!r} was fitted with another language model of the name {name!r} (identity "
                    f"{identity}, here {loaded.identity}); fit it again"
                )
            if int(loaded.model.config.hidden_size) != len(self._model.states):
                raise ValueError(f"{model!r}: {name!r} has another number of hidden states; fit it again")
            self.tolerance = TOLERANCE
        self.signature = f"preference|model:{self._model.identity}|output:{output}|v1"

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return self.score_batch([episode])[0]

    def score_batch(self, episodes: Sequence[Episode]) -> list[float]:
        """Returns the scores of many episodes."""
        if not episodes:
            return []
        scores = self._model.scores([e.source for e in episodes], [e.text for e in episodes], self._lm)
        if self._output == "win_rate":
            scores = self._model.win_rates(scores)
        return [float(value) for value in np.asarray(scores)]
