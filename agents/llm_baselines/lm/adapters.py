"""LoRA (Hu et al. 2022): small matrices beside a trained model's weights learn; the weights are frozen.

Three models share the base weights. The base is also the reference. The learner has the small matrices in
some layers. The actor holds the sum of both in a second buffer. The sum is always computed from the base,
because merging in place and subtracting again would add rounding errors to bfloat16 weights.
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
"""adapter="auto" means LoRA from this number of parameters on; all weights of smaller models are trained."""

TARGET_MODULES: dict[str, tuple[str, ...]] = {
    "llama": ("q_proj", "v_proj", "o_proj", "down_proj"),
    "mistral": ("q_proj", "v_proj", "o_proj", "down_proj"),
    "qwen2": ("q_proj", "v_proj", "o_proj", "down_proj"),
    "qwen3": ("q_proj", "v_proj", "o_proj", "down_proj"),
    "gpt2": ("c_attn", "c_proj"),
}
"""Architecture -> the adapted layers.

For other architectures peft chooses; if it has no choice, every linear layer but the head is adapted.
"""

_NAME = "default"


def choose_adapter(adapter: str, parameters: int) -> str:
    """Resolves "auto" for a model of this size; returns "lora" or "none"."""
    if adapter != "auto":
        return adapter
    return "lora" if parameters >= LORA_FROM else "none"


def sharing_copy(module: Any, shared: Sequence[nn.Parameter] | None = None) -> Any:
    """Returns a copy of a module that shares some parameters; by default the frozen ones."""
    if shared is None:
        shared = [p for p in module.parameters() if not p.requires_grad]
    return copy.deepcopy(module, {id(p): p for p in shared})


def with_lora(
    base: LanguageModel, *, rank: int, alpha: int, target_modules: Sequence[str] = (), seed: int = 0
) -> LanguageModel:
    """Returns a model with LoRA matrices that initially equals the base.

    Args:
        base: The base model. It is frozen, and its weights are shared.
        rank: Rank of the small matrices.
        alpha: The product of a pair of matrices is multiplied by alpha / rank.
        target_modules: Name endings of the adapted layers; by default the architecture decides.
        seed: Decides the first of each pair of matrices; the second is 0.

    Raises:
        ValueError: No layer has such a name, or the head or a layer that is not linear does.
        MissingExtra: peft is not installed.
    """
    with needs("llm", "adapter='lora'"):
        from peft import LoraConfig, inject_adapter_in_model
        from peft.utils import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING

    base.requires_grad_(False)
    learner: LanguageModel = sharing_copy(base)
    kind = learner.config.model_type
    targets: Any = list(target_modules) or list(TARGET_MODULES.get(kind, ())) or None
    if targets is None and not TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING.get(kind):
        targets = "all-linear"  # peft leaves out the head
    options = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=targets,
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
                f"lora_target_modules={targets} cannot be adapted in a {kind!r} model: {error}"
            ) from error
    if learner.model.get_output_embeddings() is not head:
        raise ValueError(f"lora_target_modules={targets}: the head over the vocabulary is not adapted here")
    for name, layer in learner.model.named_modules():
        if hasattr(layer, "get_delta_weight") and not hasattr(layer.get_base_layer(), "weight"):
            raise ValueError(
                f"lora_target_modules={targets}: {name}, a {type(layer.get_base_layer()).__name__}, is no "
                f"linear layer; give the name endings of linear layers, such as 'q_proj' and 'v_proj'"
            )
    for name, parameter in learner.named_parameters():
        if "lora_" in name:  # the sum with the base's weights is taken in float32
            parameter.data = parameter.data.float()
    learner.reads_cached = None
    return learner


class MergedActor:
    """Merges the learner's LoRA matrices with the base weights, for acting.

    Args:
        base: The base model. Its weights do not change; those of other layers are shared.
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
                merged: Any = self.lm.model.get_submodule(name)
                merged.weight = nn.Parameter(merged.weight.detach().clone(), requires_grad=False)
                self._pairs.append((adapted, merged.weight))
        self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        """Computes the sum again: the base weight plus the float32 difference, rounded once."""
        for adapted, weight in self._pairs:
            base_weight = adapted.get_base_layer().weight
            weight.copy_(base_weight.float() + adapted.get_delta_weight(_NAME).float())
