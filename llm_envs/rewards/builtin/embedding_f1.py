"""Whether the tokens of a text and of a reference mean the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llm_envs.episode import Episode
from llm_envs.rewards.pretrained import TOLERANCE, Source, batches, padded

_TOKENS = 2**14


class EmbeddingF1:
    """Matches each token with its most similar one in the other text, -1 to 1 (Zhang et al. 2020, BERTScore).

    Precision is the mean cosine over the text's tokens, recall over the reference's, F1 their harmonic mean.
    There is no weight by frequency and no rescaling. Two texts score well above 0 if they only share a
    language. Texts are cut to the model's length. The empty text scores 0. It costs one pass of the encoder.

    Args:
        model: A fetched asset's name, a folder, or a hub id of an encoder.
        measure: "f", "precision" or "recall". The reference with the best one counts.
        device: A torch device, or "auto": a GPU if there is one.
        dtype: "float32", "bfloat16" or "float16". Part of the signature, because it changes the numbers.

    Raises:
        ValueError: An option is unknown, the model is no encoder, or the example has no reference.
    """

    tolerance = TOLERANCE
    needs_references = True

    def __init__(
        self, *, model: str = "minilm", measure: str = "f", device: str = "auto", dtype: str = "float32"
    ) -> None:
        if measure not in ("f", "precision", "recall"):
            raise ValueError(f"unknown measure={measure!r}; 'f', 'precision' or 'recall'")
        self._measure = measure
        self._source = Source("encoder", model, device, dtype)
        identity = self._source.load().identity
        self.signature = f"embedding_f1|model:{identity}|measure:{measure}|dtype:{dtype}|v1"

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return self.score_batch([episode])[0]

    def score_batch(self, episodes: Sequence[Episode]) -> list[float]:
        """Returns the scores of many episodes, in a few passes over texts of similar length."""
        for episode in episodes:
            if not episode.references:
                raise ValueError("embedding_f1 needs references, and this example has none")
        read = (text for episode in episodes for text in (episode.text, *episode.references))
        texts = [text for text in dict.fromkeys(read) if text.strip()]
        vectors = dict(zip(texts, self._embed(texts), strict=True))
        return [
            max(self._score(vectors.get(e.text), vectors.get(reference)) for reference in e.references)
            for e in episodes
        ]

    def _score(self, text: Any, reference: Any) -> float:
        if text is None or reference is None or not len(text) or not len(reference):
            return 0.0
        cosines = text @ reference.T
        precision, recall = float(cosines.max(axis=1).mean()), float(cosines.max(axis=0).mean())
        if self._measure != "f":
            return precision if self._measure == "precision" else recall
        # Below 0 the harmonic mean has no meaning and can explode.
        return 2 * precision * recall / (precision + recall) if min(precision, recall) > 0.0 else 0.0

    def _embed(self, texts: Sequence[str]) -> list[Any]:
        """Returns each text's unit vectors, float32 (tokens, hidden size), without special tokens."""
        import torch

        loaded = self._source.load()
        options = {"truncation": True, "max_length": loaded.longest, "return_special_tokens_mask": True}
        read = [loaded.tokenizer(text, **options) for text in texts]
        rows = [row["input_ids"] for row in read]
        vectors: list[Any] = [None] * len(rows)
        for batch in batches([len(row) for row in rows], _TOKENS):
            ids, mask = padded([rows[i] for i in batch], loaded.device, loaded.pad or 0)
            with torch.inference_mode():
                hidden = loaded.model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
                unit = torch.nn.functional.normalize(hidden, dim=2).cpu().numpy()
            for place, i in enumerate(batch):
                kept = [t for t, special in enumerate(read[i]["special_tokens_mask"]) if not special]
                vectors[i] = unit[place, kept]
        return vectors
