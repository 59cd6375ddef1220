"""The supervised agent's hyperparameters: what each is, and where its default comes from."""

from __future__ import annotations

from dataclasses import dataclass

from llm_baselines.configuration.options import option
from llm_baselines.lm.settings import LanguageAgentConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisedConfig(LanguageAgentConfig):
    """Every option of Supervised. Its steps are tokens of demonstrations that were learned from."""

    learning_rate: float = option(5e-3, "AdamW's step size at the start; measured", above=0)
    learning_rate_end: float = option(5e-4, "and at the end, linearly in between", at_least=0)
    warmup_steps: int = option(
        100, "updates over which it rises first, linearly (Goyal et al. 2017)", at_least=0
    )
    weight_decay: float = option(0.05, "AdamW's decoupled weight decay; measured", at_least=0)
    context_weight: float = option(
        0.2,
        "weight of the tokens that are not the agent's in the loss; measured: copying is learned sooner",
        at_least=0,
    )
    batch_size: int = option(32, "demonstrations of an update", at_least=1)
    copy_steps: int = option(
        800,
        "updates on repeated random tokens that a fresh model begins with (Olsson et al. 2022); 0: none",
        at_least=0,
    )
    per_example: int = option(1, "dialogues the expert plays for each goal of the train split", at_least=1)
    relabel: int = option(
        0,
        "further requests for each text that asks for words it uses (hindsight: Andrychowicz et al. 2017)",
        at_least=0,
    )
    disguise: bool = option(
        True,
        "exchange what the expert read in a database for other values, anew in every epoch",
    )
    patience: int = option(
        0,
        "evaluations without a better reward after which training ends (Prechelt 1998); 0: never",
        at_least=0,
    )

    def __post_init__(self) -> None:
        LanguageAgentConfig.__post_init__(self)
        if self.patience and not self.eval_freq:
            raise ValueError(
                f"patience={self.patience} counts evaluations, and with eval_freq=0 there are none"
            )
