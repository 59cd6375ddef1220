"""How likely a text is under a frozen language model."""

from __future__ import annotations

import math
from collections.abc import Sequence

from llm_envs.episode import Episode
from llm_envs.rewards.pretrained import TOLERANCE, Loaded, Source, batches, padded

_LOGITS = 2**26  # numbers at a time: 256 MB in float32


class LmFluency:
    """The mean log-probability of the text's tokens under a frozen causal language model.

    The model's own tokenizer tokenises the text again, so an unusual choice of tokens gains nothing. The
    empty text scores like a token drawn uniformly from the vocabulary: -log V. Language models find their own
    repetitions likely. So weigh this reward against `repetition` or `distinct`, or use it as a metric.

    Args:
        lm: A fetched asset's name, a folder, or a hub id.
        given: "nothing", or "source": the text is scored as the continuation of the example's source.
        separator: The text between source and text.
        start: The token at the start of a document. The default is "<|endoftext|>" if the model knows it,
            else its BOS token, else its EOS token.
        scale: "logprob" for nats per token (<= 0). "unit" for its exponential, one over the perplexity: 0 to
            1, and 0 for the empty text.
        device: A torch device, or "auto": a GPU if there is one.
        dtype: "float32", "bfloat16" or "float16". Part of the signature, because it changes the numbers.
    """

    tolerance = TOLERANCE

    def __init__(
        self,
        *,
        lm: str = "smollm2-135m",
        given: str = "nothing",
        separator: str = "\n",
        start: str | None = None,
        scale: str = "logprob",
        device: str = "auto",
        dtype: str = "float32",
    ) -> None:
        if scale not in ("logprob", "unit"):
            raise ValueError(f"unknown scale={scale!r}; 'logprob' (nats) or 'unit' (0 to 1)")
        if given not in ("nothing", "source"):
            raise ValueError(f"unknown given={given!r}; 'nothing' or 'source'")
        self._source = Source("causal", lm, device, dtype)
        self._given, self._separator, self._unit = given == "source", separator, scale == "unit"
        loaded = self._source.load()
        _check_causal(loaded, lm)
        self._start = _start(loaded, lm, start)
        before = f"source+{separator!r}" if self._given else "nothing"
        self.signature = (
            f"lm_fluency|lm:{loaded.identity}|given:{before}|start:{self._start}|scale:{scale}|"
            f"dtype:{dtype}|v2"
        )

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return self.score_batch([episode])[0]

    def score_batch(self, episodes: Sequence[Episode]) -> list[float]:
        """Returns the scores of many episodes, in a few forward passes over texts of similar length."""
        loaded = self._source.load()
        width = loaded.model.get_output_embeddings().weight.shape[0]
        scores = [-math.log(width)] * len(episodes)
        rows, firsts, owners = [], [], []
        for index, episode in enumerate(episodes):
            text = self._encode(loaded, episode.text)
            if text:
                before = self._encode(loaded, episode.source + self._separator) if self._given else []
                rows.append([self._start, *before, *text])
                firsts.append(1 + len(before))
                owners.append(index)
        if rows and loaded.longest is not None and max(map(len, rows)) > loaded.longest:
            raise ValueError(
                f"the text is {max(map(len, rows))} tokens long and the language model reads "
                f"{loaded.longest}; shorten max_new_tokens or take another lm"
            )
        for batch in batches([len(row) for row in rows], _LOGITS // width):
            sums = _sums(loaded, [rows[i] for i in batch], [firsts[i] for i in batch])
            for i, total in zip(batch, sums, strict=True):
                scores[owners[i]] = total / (len(rows[i]) - firsts[i])
        if not self._unit:
            return scores
        return [math.exp(s) if e.text else 0.0 for s, e in zip(scores, episodes, strict=True)]

    @staticmethod
    def _encode(loaded: Loaded, text: str) -> list[int]:
        ids: list[int] = loaded.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def _sums(loaded: Loaded, rows: Sequence[Sequence[int]], firsts: Sequence[int]) -> list[float]:
    """The log-probabilities of each row's tokens from `first` on, added up."""
    import torch

    ids, mask = padded(rows, loaded.device, 0)
    with torch.inference_mode():
        logits = loaded.model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1].float()
        losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
        place = torch.arange(1, ids.shape[1], device=loaded.device)
        counted = (place >= torch.tensor(firsts, device=loaded.device)[:, None]) & mask[:, 1:].bool()
        sums: list[float] = (-losses * counted).cpu().double().sum(dim=1).tolist()
    return sums


def _check_causal(loaded: Loaded, lm: str) -> None:
    """Raises if a model looks ahead, such as BERT under a language-model head."""
    import torch

    with torch.inference_mode():
        ids = torch.tensor([[0, 1, 2], [0, 1, 3]], device=loaded.device)
        first, second = loaded.model(input_ids=ids, use_cache=False).logits[:, 1].float()
    if not torch.allclose(first, second, rtol=1e-2, atol=1e-2):
        raise ValueError(f"{lm!r} is not a causal language model: what it predicts depends on later tokens")


def _start(loaded: Loaded, lm: str, start: str | None) -> int:
    tokenizer = loaded.tokenizer
    known = tokenizer.get_vocab()
    if start is not None and start not in known:
        raise ValueError(f"{lm!r} has no token {start!r} to start after")
    for token in (start, "<|endoftext|>", tokenizer.bos_token, tokenizer.eos_token):
        if token is not None and token in known:
            return int(known[token])
    raise ValueError(f"{lm!r} has neither BOS nor EOS token; name one a document begins after: start=...")
