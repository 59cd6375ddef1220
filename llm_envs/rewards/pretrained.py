"""Pretrained models that score texts.

A process loads each once, and runs it in batches of similar lengths.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from llm_envs.data.files.stamps import Stamp, path_stamp
from llm_envs.foreign import UntrustedCode, load_pretrained

Kind = Literal["causal", "encoder", "classifier"]

_CLASSES = {
    "causal": ("AutoModelForCausalLM", "a causal language model"),
    "encoder": ("AutoModel", "an encoder"),
    "classifier": ("AutoModelForSequenceClassification", "a text classifier"),
}
_DTYPES = ("float32", "bfloat16", "float16")

TOLERANCE = 1e-3
"""How far a score may differ, in its own unit, between machines, devices and batch sizes in float32."""


@dataclass(frozen=True, slots=True)
class Source:
    """Names a model and how to run it. It can be pickled; the loaded model stays in its process.

    A folder may hold another model later. A new Source then reads the folder again. An old one keeps the
    model it has loaded, and raises if it must load again and finds other weights.

    Attributes:
        kind: The kind of model.
        name: A fetched asset's name, a folder, or a hub id.
        device: A torch device, or "auto": a GPU if there is one.
        dtype: "float32", "bfloat16" or "float16".
        stamp: State of the folder when this was made.
        identity: Identity of the model once it is loaded.
    """

    kind: Kind
    name: str
    device: str = "auto"
    dtype: str = "float32"
    stamp: Stamp = field(init=False)
    identity: str | None = field(init=False, default=None, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stamp", path_stamp(self.name))

    def load(self) -> Loaded:
        """Returns the model. Loads it when it is first needed.

        Raises:
            ValueError: The model or device does not exist, or the model is of another kind or has changed.
        """
        loaded = _load(self)
        if self.identity is None:
            object.__setattr__(self, "identity", loaded.identity)
        elif loaded.identity != self.identity:
            raise ValueError(
                f"{self.name!r} has changed since it was first loaded (identity {loaded.identity}, then "
                f"{self.identity}); make the reward again"
            )
        return loaded


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that is ready to score.

    Attributes:
        model: The transformers model, in evaluation mode, on its device.
        tokenizer: Its tokenizer.
        device: The torch device.
        identity: 16 hexadecimal digits over weights and tokenizer.
        longest: The most tokens it reads; None if unknown.
        pad: The token id of its padding; None if there is none.
    """

    model: Any
    tokenizer: Any
    device: Any
    identity: str
    longest: int | None
    pad: int | None


def batches(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Yields indices in batches of similar length.

    Args:
        lengths: The length of every row, in tokens.
        tokens: The most tokens of a batch, padding included. A longer row is a batch of its own.
    """
    batch: list[int] = []
    longest = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        longest = max(longest, lengths[index])
        if batch and longest * (len(batch) + 1) > tokens:
            yield batch
            batch, longest = [], lengths[index]
        batch.append(index)
    if batch:
        yield batch


def padded(rows: Sequence[Sequence[int]], device: Any, pad: int) -> tuple[Any, Any]:
    """Returns token ids and attention mask, int64 (n, longest), padded on the right."""
    import torch

    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), pad, dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for row, tokens in enumerate(rows):
        ids[row, : len(tokens)] = torch.tensor(tokens, dtype=torch.int64)
        mask[row, : len(tokens)] = 1
    return ids.to(device), mask.to(device)


@lru_cache(maxsize=8)
def _load(source: Source) -> Loaded:
    from llm_envs.assets import resolve_model

    class_name, what = _CLASSES[source.kind]
    if source.dtype not in _DTYPES:
        raise ValueError(f"unknown dtype={source.dtype!r}; {', '.join(_DTYPES)}")
    place = resolve_model(source.name, causal=source.kind == "causal")
    try:
        import torch
        import transformers
    except ImportError as error:
        raise ValueError(f"needs torch and transformers ({error}); pip install 'llm-envs[agents]'") from error
    device = _device(source.device)
    try:
        model, report = load_pretrained(
            getattr(transformers, class_name),
            place,
            dtype=getattr(torch, source.dtype),
            use_safetensors=True,
            output_loading_info=True,
        )
        # A text that spells a special token is text: an agent must not write itself a separator or an end.
        tokenizer = load_pretrained(transformers.AutoTokenizer, place, split_special_tokens=True)
    except UntrustedCode:
        raise
    except (OSError, ValueError) as error:
        raise ValueError(
            f"cannot load {source.name!r} as {what}: no such asset, folder or hub id, no safetensors weights "
            f"or tokenizer in it, or no network ({type(error).__name__}: {str(error).splitlines()[0]})"
        ) from error
    # An encoder's pooler is not used here. It may be random, so it is not part of the identity.
    fresh = set(report["missing_keys"])
    missing = sorted(name for name in fresh if not name.startswith("pooler."))
    if missing:
        raise ValueError(
            f"{source.name!r} is not {what}: it has no weights for {', '.join(missing[:3])}"
            f"{', ...' if len(missing) > 3 else ''}, which would be random numbers"
        )
    model = model.eval().requires_grad_(False).to(device)
    return Loaded(
        model,
        tokenizer,
        device,
        identity=_identity(model, tokenizer, fresh),
        longest=_longest(model, tokenizer),
        pad=getattr(model.config, "pad_token_id", None),
    )


def _device(name: str) -> Any:
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device={name!r} is not to be had here ({str(error).splitlines()[0]})") from error
    return device


def _longest(model: Any, tokenizer: Any) -> int | None:
    positions = getattr(model.config, "max_position_embeddings", None)
    embeddings = getattr(getattr(model.base_model, "embeddings", None), "position_embeddings", None)
    padding = getattr(embeddings, "padding_idx", None)
    if positions is not None and padding is not None:  # RoBERTa's positions start after the padding id
        positions -= padding + 1
    limits_given = (positions, tokenizer.model_max_length)
    limits = [int(limit) for limit in limits_given if limit is not None and limit < 10**9]
    return min(limits, default=None)


def _identity(model: Any, tokenizer: Any, fresh: Set[str]) -> str:
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if name in fresh:
            continue
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    backend = getattr(tokenizer, "backend_tokenizer", None)
    digest.update((backend.to_str() if backend is not None else Path(tokenizer.name_or_path).name).encode())
    return digest.hexdigest()[:16]
