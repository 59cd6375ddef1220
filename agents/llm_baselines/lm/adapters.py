"""LoRA: a trained model learns through small matrices beside its own weights, which stay as they were.

Three models share the pristine weights: the base, which is also the reference; the learner, whose chosen
layers have the small matrices beside them (Hu et al. 2022); and the actor, which holds the sum in a second
buffer. The sum is made anew from the base each time: merging in place and subtracting again would wear
bfloat16 weights away.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from llm_envs.checks.extras import needs
from llm_envs.lm.model import LanguageModel

LORA_FROM = 50_000_000
"""Parameters from which adapter="auto" means LoRA; smaller models are trained whole."""

TARGET_MODULES: dict[str, tuple[str, ...]] = {
    "llama": ("q_proj", "v_proj", "o_proj", "down_proj"),
    "mistral": ("q_proj", "v_proj", "o_proj", "down_proj"),
    "qwen2": ("q_proj", "v_proj", "o_proj", "down_proj"),
    "qwen3": ("q_proj", "v_proj", "o_proj", "down_proj"),
    "gpt2": ("c_attn", "c_proj"),
}
"""Architecture -> the layers that are adapted; those of others are peft's choice,
or every linear layer but the head where it has none."""

_NAME = "default"


def choose_adapter(adapter: str, parameters: int) -> str:
    """What "auto" means for a model of this size: "lora" or "none"."""
    if adapter != "auto":
        return adapter
    return "lora" if parameters >= LORA_FROM else "none"


def sharing_copy(module: Any, shared: Sequence[nn.Parameter] | None = None) -> Any:
    """A copy of a module that shares some parameters; by default those that are not trained."""
    if shared is None:
        shared = [p for p in module.parameters() if not p.requires_grad]
    return copy.deepcopy(module, {id(p): p for p in shared})


def with_lora(
    base: LanguageModel, *, rank: int, alpha: int, target_modules: Sequence[str] = (), seed: int = 0
) -> LanguageModel:
    """A model that is the base at first and learns beside its weights.

    Args:
        base: Is frozen; its weights are shared.
        rank: Of the small matrices.
        alpha: Their product is weighed by alpha / rank.
        target_modules: Ends of the names of the layers that are adapted; by default by architecture.
        seed: Decides the first of each pair of matrices; the second is 0.

    Raises:
        ValueError: No layer has such a name, or the head is among them.
        MissingExtra: peft is not installed.
    """
    with needs("llm", "adapter='lora'"):
        from peft import LoraConfig, inject_adapter_in_model
        from peft.utils import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING

    base.requires_grad_(False)
    learner: LanguageModel = sharing_copy(base)
    kind = learner.config.model_type
    wanted: Any = list(target_modules) or list(TARGET_MODULES.get(kind, ())) or None
    if wanted is None and not TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING.get(kind):
        wanted = "all-linear"  # but for the head
    options = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=wanted,
        fan_in_fan_out=kind == "gpt2",
        task_type="CAUSAL_LM",
    )
    head = learner.model.get_output_embeddings()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            inject_adapter_in_model(options, learner.model, adapter_name=_NAME)
        except ValueError as error:
            raise ValueError(
                f"lora_target_modules={wanted} cannot be adapted in a {kind!r} model: {error}"
            ) from error
    if learner.model.get_output_embeddings() is not head:
        raise ValueError(f"lora_target_modules={wanted}: the head over the vocabulary is not adapted here")
    for name, layer in learner.model.named_modules():
        if hasattr(layer, "get_delta_weight") and not hasattr(layer.get_base_layer(), "weight"):
            raise ValueError(
                f"lora_target_modules={wanted}: {name}, a {type(layer.get_base_layer()).__name__}, is no "
                f"linear layer; name the ends of others' names, as the attention's ('q_proj', 'v_proj')"
            )
    for name, parameter in learner.named_parameters():
        if "lora_" in name:  # the sum with the base's weights is taken in float32
            parameter.data = parameter.data.float()
    learner.reads_cached = None
    return learner


class MergedActor:
    """The learner's weights and the base's as one, for acting.

    Args:
        base: Its weights are read only; what is not adapted is shared.
        learner: Made by `with_lora` from the base.

    Attributes:
        lm: The language model that acts.
    """

    def __init__(self, base: LanguageModel, learner: LanguageModel) -> None:
        self.lm: LanguageModel = sharing_copy(base)
        self.lm.reads_cached = None
        self._pairs: list[tuple[Any, nn.Parameter]] = []
        for name, adapted in learner.model.named_modules():
            if hasattr(adapted, "get_delta_weight"):
                mine: Any = self.lm.model.get_submodule(name)
                mine.weight = nn.Parameter(mine.weight.detach().clone(), requires_grad=False)
                self._pairs.append((adapted, mine.weight))
        self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        """Makes the sum anew: the pristine base plus the float32 difference, rounded once."""
        for adapted, weight in self._pairs:
            pristine = adapted.get_base_layer().weight
            weight.copy_(pristine.float() + adapted.get_delta_weight(_NAME).float())
