"""Scorers: log-probabilities of every next token. Importing this module imports no torch."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from llm_envs.checks.extras import needs
from llm_envs.rewards.pretrained import Source
from llm_envs.tokenizers import Tokenizer


class Scorer(Protocol):
    """Returns how likely every next token is. A plain function will do.

    Calls have the same rows in the same order. A row continues, begins another text, or is unchanged since
    the last call because its episode is over or another row was reset. A scorer that caches has nothing to
    compute for an unchanged row. A call with another number of rows begins anew.
    """

    def __call__(self, observation: np.ndarray) -> np.ndarray:
        """Returns log-probabilities float32 (n, V) of the token after each observation int32 (n, L)."""
        ...


def make_scorer(
    lm: Any,
    *,
    vocabulary_size: int,
    context_length: int,
    tokenizer: Tokenizer | None = None,
    device: str = "auto",
    dtype: str = "float32",
) -> Scorer:
    """Makes a scorer of a reference language model.

    Args:
        lm: A fetched asset's name, a folder or a hub id; a LanguageModel whose weights do not change; an
            object with `make_scorer()`, such as the language agents of llm_baselines; or a Scorer, which is
            returned unchanged.
        vocabulary_size: Number of tokens V.
        context_length: Width L of the observations.
        tokenizer: The tokenizer of the token ids. A model by name must have the same. None if it is unknown.
        device: A torch device, or "auto" (a GPU if there is one), for a model by name.
        dtype: "float32", "bfloat16" or "float16", for a model by name.

    Raises:
        ValueError: The model does not exist, or does not fit the vocabulary or the observations.
    """
    if isinstance(lm, str | Path):
        source = Source("causal", str(lm), device, dtype)
        return PretrainedScorer(source, vocabulary_size, context_length, tokenizer)
    makes, reads = (callable(getattr(lm, name, None)) for name in ("make_scorer", "log_probs"))
    if makes or reads:
        size = getattr(lm, "vocabulary_size", vocabulary_size)
        if size != vocabulary_size:
            raise ValueError(
                f"lm={type(lm).__name__} scores {size} tokens and the environment has {vocabulary_size}: "
                "take a model made for this environment's vocabulary"
            )
        made: Scorer = lm.make_scorer() if makes else _cached(lm)
        return made
    if not callable(lm):
        raise ValueError(
            f"lm={lm!r} is not a scorer: give a model's name, a folder, a hub id, a language agent, or a "
            "function from observations int32 (n, L) to log-probabilities float32 (n, V)"
        )
    scorer: Scorer = lm
    return scorer


class PretrainedScorer:
    """A pretrained causal language model by name, KV-cached. A pickled copy loads the model by its name.

    Args:
        source: Names the model and how to run it.
        vocabulary_size: Number of tokens V. A wider (padded) head is cut.
        context_length: Width of the observations.
        tokenizer: As in `make_scorer`.

    Attributes:
        identity: 16 hexadecimal digits over the model's weights and tokenizer.

    Raises:
        ValueError: The model does not exist, or does not fit.
    """

    def __init__(
        self, source: Source, vocabulary_size: int, context_length: int, tokenizer: Tokenizer | None
    ) -> None:
        self._source, self._size = source, vocabulary_size
        loaded = source.load()
        self.identity = loaded.identity
        if loaded.longest is not None and loaded.longest < context_length:
            raise ValueError(
                f"lm={source.name!r} reads {loaded.longest} tokens and the environment's observations hold "
                f"{context_length}: lower max_prompt_tokens or max_new_tokens, or take another lm"
            )
        _check_tokenizer(source.name, loaded.tokenizer, vocabulary_size, tokenizer)
        self._scorer: Scorer | None = _cached(_language_model(source, vocabulary_size))

    def __call__(self, observation: np.ndarray) -> np.ndarray:
        """See Scorer."""
        if self._scorer is None:
            self._scorer = _cached(_language_model(self._source, self._size))
        return self._scorer(observation)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_scorer": None}


def _cached(language_model: Any) -> Scorer:
    from llm_envs.lm.reader import LanguageModelScorer

    return LanguageModelScorer(language_model)


@lru_cache(maxsize=8)
def _language_model(source: Source, vocabulary_size: int) -> Any:
    with needs("agents", f"lm={source.name!r}"):
        from llm_envs.lm.model import LanguageModel

    try:
        return LanguageModel(source.load().model, vocabulary_size)
    except ValueError as error:
        raise ValueError(f"lm={source.name!r}: {error}") from None


def _check_tokenizer(name: str, own: Any, size: int, tokenizer: Tokenizer | None) -> None:
    """Raises if the model's token ids mean something else in the environment."""
    known: dict[str, int] = own.get_vocab()
    way_out = f"make the environment with tokenizer='hf:{name}'"
    if len(known) != size:
        raise ValueError(
            f"lm={name!r} has a vocabulary of {len(known)} tokens and the environment one of {size}: "
            f"{way_out}"
        )
    if tokenizer is None:
        return
    for token, index in known.items():
        if index >= size or tokenizer.token(index) != token:
            here = tokenizer.token(index) if index < size else "no token"
            raise ValueError(
                f"lm={name!r} does not read the environment's tokens: {index} is {token!r} to it and "
                f"{here!r} here; {way_out}"
            )
