"""Builds or loads causal language models.

A model is a preset (a small Llama with fresh weights), a folder or hub name, or a transformers model object.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from llm_baselines.agent import Track
from llm_envs.assets import resolve_model
from llm_envs.checks.suggestions import did_you_mean
from llm_envs.foreign import UntrustedCode, load_pretrained
from llm_envs.lm.model import LanguageModel

PRESETS: dict[str, dict[str, int]] = {
    "nano": {"hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 4},
    "mini": {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4},
    "tiny": {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 4},
    "small": {"hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 6, "num_attention_heads": 8},
}
"""name -> Llama configuration (Touvron et al. 2023).

Without the embeddings they have 0.1, 0.3, 0.9 and 5 million parameters.
"""


def is_preset(model: Any) -> bool:
    """Returns True if the model has fresh weights: a name in PRESETS, or a mapping of Llama options."""
    return isinstance(model, Mapping) or (isinstance(model, str) and model in PRESETS)


def track_of(usual: Track, config: Mapping[str, Any]) -> Track:
    """Returns what an agent learns from: the usual track, unless its configuration changes it.

    Args:
        usual: The track of the agent's class.
        config: Its whole configuration, including "model".
    """
    if config.get("demonstrations"):
        return "demonstrations"
    model = config.get("model")
    if usual == "demonstrations" and isinstance(model, str) and model not in PRESETS:
        return "pretrained"
    return "scratch" if config.get("warm_start") is False else usual


def check_model(model: Any) -> None:
    """Raises if a value cannot be a model.

    Raises:
        ValueError: The value is no name, no mapping and no module.
    """
    if not isinstance(model, str | Path | Mapping | torch.nn.Module) or model == "":
        raise ValueError(
            f"model={model!r} is no model: give one of {', '.join(map(repr, PRESETS))}, a folder, a hub "
            "name, a mapping of LlamaConfig's arguments, or a transformers model"
        )


def build_language_model(
    model: Any,
    *,
    vocabulary_size: int,
    context_length: int,
    seed: int = 0,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
) -> LanguageModel:
    """Returns a language model from a preset, a folder or hub name, or a transformers model.

    Args:
        model: A name in PRESETS or a mapping of LlamaConfig arguments gives fresh weights, with the
            embeddings tied to the head. The name of a fetched asset, a folder or a hub name gives stored
            safetensors weights. A transformers causal LM is used unchanged.
        vocabulary_size: Number of actions V.
        context_length: Width of the observation; the model's context must be at least as long.
        seed: Decides fresh weights; the global generator does not change.
        device: The torch device.
        dtype: The type of the weights; None keeps the stored type.

    Raises:
        ValueError: There is no such model, it has no causal head, its head is too narrow or its context
            too short.
    """
    check_model(model)
    if isinstance(model, str) and model in PRESETS:
        built = _fresh(PRESETS[model], vocabulary_size, context_length, seed)
    elif isinstance(model, Mapping):
        built = _fresh(model, vocabulary_size, context_length, seed)
    elif isinstance(model, str | Path):
        built = _load(resolve_model(str(model), causal=True))
    else:
        built = model
    lm = LanguageModel(built.to(device), vocabulary_size)
    if lm.longest is not None and lm.longest < context_length:
        raise ValueError(
            f"the model reads {lm.longest} tokens and the environment's observations hold {context_length}: "
            "lower max_prompt_tokens or max_new_tokens, or take another model"
        )
    if dtype is not None:
        lm.cast(dtype)
    return lm


def _fresh(options: Mapping[str, Any], vocabulary_size: int, context_length: int, seed: int) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    fixed: dict[str, Any] = {
        "vocab_size": vocabulary_size,
        "max_position_embeddings": context_length,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }
    known = {"attn_implementation", *(field.name for field in fields(LlamaConfig))} - fixed.keys()
    for name in options:
        if name not in known:  # LlamaConfig would accept and ignore it
            raise ValueError(
                f"model={dict(options)!r}: {name!r} is no option of a fresh Llama"
                f"{did_you_mean(name, known)} see transformers' LlamaConfig"
            )
    chosen: dict[str, Any] = {"tie_word_embeddings": True, "attn_implementation": "sdpa", **options}
    try:
        config = LlamaConfig(**fixed, **chosen)
    except (TypeError, ValueError, StrictDataclassError) as error:
        raise ValueError(f"model={dict(options)!r} is no Llama configuration: {error}") from None
    if config.head_dim and config.head_dim % 2:
        raise ValueError(
            f"model={dict(options)!r}: the head size is {config.head_dim}, and rotary positions need an even "
            "one: hidden_size / num_attention_heads must be even"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)


def _load(name: str) -> Any:
    from transformers import AutoModelForCausalLM

    if not os.path.exists(name) and "/" not in name:  # False also for a name that is too long for a path
        raise ValueError(
            f"unknown model {name!r}{did_you_mean(name, PRESETS)} the models are "
            f"{', '.join(map(repr, PRESETS))}, folders and hub names"
        )
    try:
        loaded: Any = load_pretrained(
            AutoModelForCausalLM, name, use_safetensors=True, dtype="auto", output_loading_info=True
        )
    except UntrustedCode:
        raise
    except (OSError, ValueError, SafetensorError) as error:
        raise ValueError(
            f"cannot load the model {name!r}: no such folder or hub name, no causal LM in it, weights cut "
            f"short, or no network ({type(error).__name__}: {str(error).splitlines()[0]})"
        ) from error
    model, loading_info = loaded
    if missing := sorted(loading_info["missing_keys"]):
        raise ValueError(
            f"the model {name!r} is no causal LM: it has no weights for {', '.join(missing[:3])}, which "
            f"{type(model).__name__} needs"
        )
    return model


def choose_device(device: str | torch.device) -> torch.device:
    """Returns a torch device; "auto" is a GPU if there is one."""
    if device != "auto":
        return torch.device(device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
