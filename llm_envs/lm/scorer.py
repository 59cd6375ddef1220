"""Scorers: what a language model thinks of every next token. Importing this imports no torch."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from llm_envs.checks.extras import needs
from llm_envs.rewards.pretrained import Source
from llm_envs.tokenizers import Tokenizer


class Scorer(Protocol):
    """What says how likely every next token is. A plain function will do.

    Calls have the same rows in the same order. A row goes on where it was, begins another text, or is as it
    was in the call before (its episode is over, or another row's has begun anew): whoever caches what was
    read, as language models do, has nothing to compute for it. Another number of rows begins anew.
    """

    def __call__(self, observation: np.ndarray) -> np.ndarray:
        """Log-probabilities float32 (n, V) of the token that follows each observation int32 (n, L)."""
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
    """A scorer of a reference language model.

    Args:
        lm: A fetched asset's name, a folder or a hub id; a LanguageModel whose weights stay as they are;
            an object with `make_scorer()`, as the language agents of llm_baselines are; or a Scorer, which is
            used as it is.
        vocabulary_size: Number of tokens V.
        context_length: Width L of the observations.
        tokenizer: What the token ids mean; a model by name must have the same. None where nobody knows.
        device: A torch device, or "auto" (a GPU where there is one), for a model by name.
        dtype: "float32", "bfloat16" or "float16", for a model by name.

    Raises:
        ValueError: There is no such model, or it does not fit the vocabulary or the observations.
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
            f"lm={lm!r} is no scorer: give a model's name, a folder, a hub id, a language agent, or a "
            "function from observations int32 (n, L) to log-probabilities float32 (n, V)"
        )
    scorer: Scorer = lm
    return scorer


class PretrainedScorer:
    """A pretrained causal language model by name, KV-cached. Picklable: a copy loads the model by its name.

    Args:
        source: Which model, and how it is run.
        vocabulary_size: Number of tokens V; a head that is wider (padded) is cut.
        context_length: Width of the observations.
        tokenizer: As in `make_scorer`.

    Attributes:
        identity: 16 hexadecimal digits over the model's weights and tokenizer.

    Raises:
        ValueError: There is no such model, or it does not fit.
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
    """Refuses a model whose token ids mean something else in the environment."""
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
