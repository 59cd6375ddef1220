"""Whether a text means the same as a reference."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from llm_envs.episode import Episode
from llm_envs.rewards.pretrained import TOLERANCE, Source, batches, padded

_TOKENS = 2**14
_KEPT = 8192


class SemanticSimilarity:
    """The cosine between sentence embeddings of text and reference, -1 to 1. The best reference counts.

    Embeddings are the mean of the tokens' last hidden states (Reimers and Gurevych 2019), as `minilm` was
    trained. Texts are cut to the model's length (512 tokens for `minilm`). The empty text scores 0.

    Args:
        model: A fetched asset's name, a folder, or a hub id of an encoder.
        to: "references", or "source".
        device: A torch device, or "auto": a GPU if there is one.
        dtype: "float32", "bfloat16" or "float16". Part of the signature, because it changes the numbers.
    """

    tolerance = TOLERANCE

    def __init__(
        self, *, model: str = "minilm", to: str = "references", device: str = "auto", dtype: str = "float32"
    ) -> None:
        if to not in ("references", "source"):
            raise ValueError(f"unknown to={to!r}; 'references' or 'source'")
        self.needs_references = to == "references"
        self._source = Source("encoder", model, device, dtype)
        self._known: OrderedDict[str, Any] = OrderedDict()  # references recur, and each costs a pass
        identity = self._source.load().identity
        self.signature = f"semantic_similarity|model:{identity}|to:{to}|pooling:mean|dtype:{dtype}|v2"

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return self.score_batch([episode])[0]

    def score_batch(self, episodes: Sequence[Episode]) -> list[float]:
        """Returns the scores of many episodes, in a few passes over texts of similar length."""
        wanted = [e.references if self.needs_references else (e.source,) for e in episodes]
        texts = list(dict.fromkeys(e.text for e in episodes if e.text.strip()))
        new = list(dict.fromkeys(t for targets in wanted for t in targets if t not in self._known))
        embedded = dict(zip([*texts, *new], self._embed([*texts, *new]), strict=True))
        targets_of = {t: self._known.get(t, embedded.get(t)) for targets in wanted for t in targets}
        self._known.update((text, embedded[text]) for text in new)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return [
            max(float(embedded[e.text] @ targets_of[t]) for t in targets) if e.text.strip() else 0.0
            for e, targets in zip(episodes, wanted, strict=True)
        ]

    def _embed(self, texts: Sequence[str]) -> list[Any]:
        """Returns unit vectors, float32 (hidden size,), one per text."""
        import torch

        loaded = self._source.load()
        options = {"truncation": True, "max_length": loaded.longest}
        rows = [loaded.tokenizer(text, **options)["input_ids"] for text in texts]
        vectors: list[Any] = [None] * len(rows)
        for batch in batches([len(row) for row in rows], _TOKENS):
            ids, mask = padded([rows[i] for i in batch], loaded.device, loaded.pad or 0)
            with torch.inference_mode():
                hidden = loaded.model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
                weights = mask[..., None].float()
                means = (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)
                unit = torch.nn.functional.normalize(means, dim=1).cpu().numpy()
            for i, vector in zip(batch, unit, strict=True):
                vectors[i] = vector
        return vectors

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_known": OrderedDict()}
