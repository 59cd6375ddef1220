"""TrainablePolicy: a language policy whose weights, or whose LoRA adapter, are trained and stored."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from llm_baselines.lm.adapters import MergedActor, choose_adapter, with_lora
from llm_baselines.lm.build import is_preset
from llm_baselines.lm.policy import LanguagePolicy
from llm_baselines.lm.precision import DTYPES, choose_dtype
from llm_baselines.storage.sealed_folder import AgentFolderError
from llm_envs.lm.model import LanguageModel


class TrainablePolicy(LanguagePolicy):
    """Defines the trained weights, the acting model, the reference, and the tensors written to disk.

    Attributes:
        begun: Whether it has learned before, including before it was saved.
    """

    begun = False
    _actor: MergedActor | None = None
    _actor_generation = 0

    @property
    def is_fresh(self) -> bool:
        """Whether the model was made from a preset and has learned nothing yet."""
        return is_preset(self.model_spec) and not self.begun

    def _adapt(self) -> None:
        config, size = self.config, self.base.parameter_count
        adapter = choose_adapter(config.adapter, 0 if self.is_fresh else size)
        if adapter == "none":
            if config.dtype == "bfloat16":
                raise ValueError(
                    "dtype='bfloat16' is for a frozen base: a step smaller than a 256th of a weight is lost "
                    "in it. Take adapter='lora', or dtype='float32'"
                )
            if not any(p.requires_grad for p in self.base.parameters()):
                raise ValueError(
                    "every weight of the model is frozen, as by an earlier agent with adapter='lora', and "
                    "adapter='none' trains them: model.requires_grad_(True), or adapter='lora'"
                )
            dtype = "float32"
        elif self.is_fresh:
            raise ValueError(
                f"adapter='lora' adapts a trained model, and {self.model_spec!r} is fresh: give a folder or "
                "a hub name, or train it whole (adapter='none')"
            )
        else:
            dtype = choose_dtype(config.dtype, self.device)
        # The configuration records the choices, so that a resumed run does not choose again.
        self.config = replace(config, adapter=adapter, dtype=dtype)
        self.base.cast(DTYPES[dtype])
        if adapter == "lora":
            self.lm = with_lora(
                self.base,
                rank=config.lora_rank,
                alpha=config.lora_alpha,
                target_modules=config.lora_target_modules,
                seed=self.seed,
            )
            self._actor = MergedActor(self.base, self.lm)

    @property
    def adapted(self) -> bool:
        """Whether an adapter is trained beside a frozen base."""
        return self.lm is not self.base

    def acting_model(self) -> LanguageModel:
        """Returns the learner itself, or the base merged with its adapter."""
        if self._actor is None:
            return self.lm
        if self._actor_generation != self._generation:
            self._actor.refresh()
            self._actor_generation = self._generation
        return self._actor.lm

    def make_reference(self) -> LanguageModel:
        """Returns pi_ref: the base of an adapter, or a frozen copy of the model if all weights train."""
        reference = self.base if self.adapted else copy.deepcopy(self.lm)
        return reference.requires_grad_(False)

    def kept_reference(self) -> LanguageModel | None:
        """Returns the frozen copy of the model that learning started from; None if none is kept."""
        return None

    def reference_identity(self) -> str | None:
        """Returns the SHA-256 of the weights that learning started from; None if they are not kept."""
        kept = self.base if self.adapted else self.kept_reference()
        return None if kept is None else kept.identity()

    def stored_tensors(self) -> dict[str, Tensor]:
        """Returns the tensors written to disk, by name, without the frozen base of an adapter."""
        tensors = self.network.state_dict(keep_vars=True)
        if self.adapted:
            base = {id(p) for p in self.base.parameters()}
            tensors = {k: v for k, v in tensors.items() if isinstance(v, nn.Parameter) and id(v) not in base}
        return {name: tensor.detach() for name, tensor in tensors.items()}

    def take_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Loads the tensors that `stored_tensors` returned.

        Raises:
            RuntimeError: Names or shapes differ.
        """
        expected = self.stored_tensors()
        if different := sorted(expected.keys() ^ tensors.keys()):
            raise RuntimeError(f"tensors that are missing or too many: {', '.join(different[:3])}")
        self.network.load_state_dict(dict(tensors), strict=False)
        self.weights_changed()

    def trained_tensors(self) -> dict[str, Tensor]:
        """Returns copies of the tensors that training changes, by name."""
        tensors = self.stored_tensors()
        return {k: v.clone() for k, v in tensors.items() if not k.startswith("reference.")}

    def load_weights(self, weights: Mapping[str, Tensor], where: Any) -> None:
        """Loads the tensors of a saved agent.

        Raises:
            AgentFolderError: Names or shapes do not fit the configuration.
        """
        try:
            self.take_tensors(weights)
        except RuntimeError as error:
            raise AgentFolderError(f"'{where}': its weights do not fit its configuration: {error}") from error
