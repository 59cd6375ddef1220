"""Reads observations token by token: KV-cached features of every row's last token.

Rows may be ragged, because dialogues take turns of any length. What a row has read is kept in its own columns
of the cache, so a step computes the new tokens only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import Cache

from llm_envs.lm.model import LanguageModel, ModelInputs, alike, model_inputs


class RowCache(Cache):
    """Keys and values by row and column: column c of a row holds those of its token c.

    `place` sets where the tokens of the next forward pass go. Attention then sees all columns before `width`,
    and the caller masks them. The rows occupy the first slots of the buffers, in the cache's own order. When
    rows leave, only rows of the last slots move, into the gaps.
    """

    def __init__(self) -> None:
        super().__init__(layers=[])
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []
        self._slots = np.empty(0, np.int64)

    def allocate(self, rows: int, columns: int) -> None:
        """Makes room and forgets the old content. One extra column takes tokens beyond a row's end."""
        self._shape = rows, columns + 1
        self._slots = np.arange(rows)
        self._keys, self._values = [], []

    @property
    def order(self) -> np.ndarray:
        """All rows in the order of their slots, int64 (rows,)."""
        return np.argsort(self._slots)

    def place(self, rows: np.ndarray | None, columns: Tensor, width: int) -> None:
        """Sets where the next tokens go.

        Columns int64 (r, k) of the given rows, or of all rows in `order`.
        """
        self._columns, self._width, self._whole = columns, width, rows is None
        slots = np.arange(len(columns)) if rows is None else self._slots[rows]
        self._places = torch.as_tensor(slots, device=columns.device)
        # Answers begin in one column, so all rows write one slice. An index would cost a copy.
        start, stop = int(columns[0, 0]), int(columns[0, -1]) + 1
        together = self._whole and stop - start == columns.shape[1] and bool((columns == columns[0]).all())
        self._slice = slice(start, stop) if together else None

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Writes (r, heads, k, size) and returns everything the rows have up to `width`."""
        if layer_idx == len(self._keys):
            rows, columns = self._shape
            for buffers, states in ((self._keys, key_states), (self._values, value_states)):
                buffers.append(states.new_zeros(rows, states.shape[1], columns, states.shape[3]))
        found = []
        for buffer, states in ((self._keys[layer_idx], key_states), (self._values[layer_idx], value_states)):
            if self._slice is not None:
                buffer[: len(states), :, self._slice] = states
            else:
                buffer[self._places[:, None], :, self._columns] = states.transpose(1, 2)
            seen = buffer[:, :, : self._width]
            found.append(seen[: len(states)] if self._whole else seen[self._places])
        return found[0], found[1]

    def keep(self, rows: np.ndarray) -> None:
        """Keeps these rows only, int64 (r,), no row twice."""
        kept = self._slots[rows]
        moved = kept >= len(kept)
        gaps = np.setdiff1d(np.arange(len(kept)), kept)
        for buffer in (*self._keys, *self._values):
            buffer[torch.as_tensor(gaps)] = buffer[torch.as_tensor(kept[moved])]
        kept[moved] = gaps
        self._slots = kept


class Reader:
    """Features of the last token of every row, for observations that grow.

    A row whose observation extends what was read costs its new tokens. Another row (a new episode) is read
    from the start. Attention that a cache by columns cannot serve, such as sliding windows, is read without a
    cache. A probe decides that once per model.

    Args:
        lm: The language model. If its weights change, call `forget`.
    """

    def __init__(self, lm: LanguageModel) -> None:
        self._lm = lm
        if lm.reads_cached is None:
            lm.reads_cached = self._probe()
        self.cached = lm.reads_cached
        self._cache = RowCache()
        self._tokens = np.empty((0, 0), np.int32)
        self._read = self._first = np.empty(0, np.int64)
        self._features = torch.empty(0)

    def forget(self) -> None:
        """Forgets everything that was read."""
        self._tokens = np.empty((0, 0), np.int32)

    def keep(self, rows: np.ndarray) -> None:
        """Keeps these rows only, int64 (r,). The next observations are theirs, in this order."""
        if not self.cached or not len(self._tokens):
            return
        self._cache.keep(rows)
        self._tokens, self._read = self._tokens[rows], self._read[rows]
        self._first, self._features = self._first[rows], self._features[torch.as_tensor(rows)]

    @torch.no_grad()
    def read(self, observation: np.ndarray) -> Tensor:
        """Returns features (n, hidden_size) of the last token of observations int32 (n, L)."""
        present = observation >= 0
        first = present.argmax(axis=1)
        length = observation.shape[1] - present[:, ::-1].argmax(axis=1)
        if not self.cached:  # each row from its first token: some models ignore a mask (RWKV)
            columns = first[:, None] + np.arange((length - first).max())
            tokens = np.take_along_axis(observation, columns.clip(max=observation.shape[1] - 1), axis=1)
            tokens = np.where(columns < length[:, None], tokens, -1)
            features = self._lm.features(model_inputs(tokens, self._lm.device))
            return features[torch.arange(len(length)), torch.as_tensor(length - 1 - first)]
        if self._tokens.shape != observation.shape:
            self._start(observation)
        columns = np.arange(observation.shape[1])
        known = (columns >= self._first[:, None]) & (columns < self._read[:, None])
        continues = ((observation == self._tokens) | ~known).all(axis=1) & (first == self._first)
        self._read = np.where(continues, self._read, first)
        self._first = first
        self._tokens = observation.copy()
        new = length - self._read
        if (new == 1).any():  # if every row has a new token, no cache is copied
            self._feed(np.flatnonzero(new if new.all() else new == 1), self._read + 1)
        many = np.flatnonzero(self._read < length)
        if len(many):
            self._feed(many, length)
        return self._features.clone()

    def _start(self, observation: np.ndarray) -> None:
        rows, columns = observation.shape
        self._cache.allocate(rows, columns)
        self._tokens = np.full((rows, columns), -1, np.int32)
        self._read = np.zeros(rows, np.int64)
        self._first = np.full(rows, -1)
        # Prompts of the same width are padded on the left: a row read again has nothing before `first`.
        self._features = torch.zeros(rows, self._lm.hidden_size, device=self._lm.device)

    def _feed(self, rows: np.ndarray, stops: np.ndarray) -> None:
        """Reads some rows up to their stops, in one block as wide as the longest new part."""
        device, last = self._lm.device, self._tokens.shape[1]
        every = len(rows) == len(self._tokens)
        if every:
            rows = self._cache.order
        start, stop = self._read[rows], stops[rows]
        block = start[:, None] + np.arange((stop - start).max())
        inside = block < stop[:, None]
        tokens = np.where(inside, np.take_along_axis(self._tokens[rows], block.clip(max=last - 1), axis=1), 0)
        width = int(stop.max())
        columns = torch.as_tensor(np.where(inside, block, last), device=device)
        first = torch.as_tensor(self._first[rows], device=device)[:, None]
        seen = torch.arange(width, device=device)
        mask = (seen >= first[..., None]) & (seen <= columns[..., None])
        self._cache.place(None if every else rows, columns, width)
        hidden = self._lm.trunk(
            input_ids=torch.as_tensor(tokens, device=device, dtype=torch.int64),
            attention_mask=mask[:, None],
            position_ids=(columns - first).clamp(max=last - 1),
            past_key_values=self._cache,
            use_cache=True,
        ).last_hidden_state
        ends = torch.as_tensor(stop - start - 1, device=device)
        picked = hidden[torch.arange(len(rows), device=device), ends]
        self._features = self._features.to(picked.dtype)
        self._features[torch.as_tensor(rows, device=device)] = picked
        self._read[rows] = stop

    def _probe(self) -> bool:
        """Returns True if the cache gives the features of an uncached pass, on ragged rows with turns."""
        longest = self._lm.longest or 64
        if longest < 8 or _looks_back_less(self._lm.text_config, longest):
            return False
        whole = np.arange(16, dtype=np.int32).reshape(2, 8) % self._lm.vocabulary_size
        whole[0, :2] = -1
        steps = [
            np.where(np.arange(8) < np.array([[a], [b]]), whole, -1) for a, b in ((4, 3), (5, 6), (8, 7))
        ]
        self.cached, self._cache, self._tokens = True, RowCache(), np.empty((0, 0), np.int32)
        try:
            found = [self.read(np.ascontiguousarray(step, dtype=np.int32)) for step in steps]
        except (TypeError, AttributeError, IndexError, RuntimeError, ValueError):
            return False
        with torch.no_grad():
            inputs: ModelInputs = model_inputs(whole, self._lm.device)
            features = self._lm.features(inputs)
        same = all(
            alike(got[row], features[row, end - 1])
            for got, ends in zip(found, ((4, 3), (5, 6), (8, 7)), strict=True)
            for row, end in enumerate(ends)
        )
        return same


def _looks_back_less(config: Any, longest: int) -> bool:
    """Returns True if a layer may see only a part of the text, which the short probe could miss."""
    kinds = getattr(config, "layer_types", None) or getattr(config, "attention_layers", None) or ()
    if not {*kinds} <= {"full_attention", "global"}:
        return True
    window = getattr(config, "sliding_window", None)
    return window is not None and window < longest and getattr(config, "use_sliding_window", True)


class LanguageModelScorer:
    """Log-probabilities of the next token under a language model; see `llm_envs.lm.scorer.Scorer`.

    Args:
        lm: The language model. If its weights change, call `forget`.
    """

    def __init__(self, lm: LanguageModel) -> None:
        self._lm = lm
        self._reader = Reader(lm)

    def forget(self) -> None:
        """Forgets everything that was read."""
        self._reader.forget()

    @torch.no_grad()
    def __call__(self, observation: np.ndarray) -> np.ndarray:
        """Returns log-probabilities float32 (n, V) of the token after each observation int32 (n, L).

        Raises:
            ValueError: The observations are wider than the model reads.
        """
        longest = self._lm.longest
        if longest is not None and longest < observation.shape[1]:
            raise ValueError(
                f"the model reads {longest} tokens and the observations hold {observation.shape[1]}: lower "
                "max_prompt_tokens or max_new_tokens, or take another lm"
            )
        found: np.ndarray = self._lm.log_probs(self._reader.read(observation)).cpu().numpy()
        return found
