"""The hyperparameters of the supervised agent, with the sources of their defaults."""

from __future__ import annotations

from dataclasses import dataclass

from llm_baselines.configuration.options import option
from llm_baselines.lm.settings import LanguageAgentConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisedConfig(LanguageAgentConfig):
    """Every option of Supervised. Its steps are the demonstrations' tokens that it has learned from."""

    learning_rate: float = option(5e-3, "AdamW's step size at the start; measured", above=0)
    learning_rate_end: float = option(5e-4, "AdamW's step size at the end; it falls linearly", at_least=0)
    warmup_steps: int = option(
        100, "updates over which the step size first rises, linearly (Goyal et al. 2017)", at_least=0
    )
    weight_decay: float = option(0.05, "AdamW's decoupled weight decay; measured", at_least=0)
    context_weight: float = option(
        0.2,
        "weight of all other tokens than the agent's in the loss; measured: copying is learned sooner",
        at_least=0,
    )
    batch_size: int = option(32, "demonstrations of an update", at_least=1)
    copy_steps: int = option(
        800,
        "updates on repeated random tokens, before a fresh model's training (Olsson et al. 2022); 0: none",
        at_least=0,
    )
    per_example: int = option(1, "dialogues the expert plays for each goal of the train split", at_least=1)
    relabel: int = option(
        0,
        "extra requests for each text, which ask for words it uses (hindsight: Andrychowicz et al. 2017)",
        at_least=0,
    )
    disguise: bool = option(
        True,
        "replace the values that the expert read in a database by others in every epoch",
    )
    patience: int = option(
        0,
        "training ends after this many evaluations without a better reward (Prechelt 1998); 0: never",
        at_least=0,
    )

    def __post_init__(self) -> None:
        LanguageAgentConfig.__post_init__(self)
        if self.patience and not self.eval_freq:
            raise ValueError(
                f"patience={self.patience} counts evaluations, and with eval_freq=0 there are none"
            )
