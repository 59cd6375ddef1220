"""The options that all language agents have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llm_baselines.configuration.options import option
from llm_baselines.lm.precision import DTYPES
from llm_envs.envs.reward_timing import RewardTiming

ENVIRONMENT_OPTIONS = ("reward", "reward_timing", "train_dataset", "train_fraction")
"""Options that need an environment made by gymnasium.make from one of our ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageAgentConfig:
    """Model, optimizer, data, evaluation and checkpoints: the options that all language agents have."""

    dtype: str = option(
        "auto",
        "numbers of a frozen base: 'float32', 'bfloat16', or the faster one; what is trained is float32",
    )
    adapter: str = option(
        "auto",
        "'lora': small matrices beside the weights are trained (Hu et al. 2022); 'none': all weights are; "
        "'auto': LoRA from 50 million parameters on",
    )
    lora_rank: int = option(
        16, "rank of these matrices; a choice, Hu et al. 2022 try 1 to 64", at_least=1, at_most=2**14
    )
    lora_alpha: int = option(
        32, "their product is weighed by lora_alpha / lora_rank (Hu et al. 2022); twice the rank", at_least=1
    )
    lora_target_modules: list[str] = option([], "layers that are adapted; empty: by architecture")
    n_envs: int = option(
        64, "rows that are played side by side: a choice for two cores", at_least=1, at_most=2**16
    )
    learning_rate: float = option(
        3e-4, "AdamW's step size at the start (Loshchilov and Hutter 2019)", above=0
    )
    learning_rate_end: float = option(
        0.0, "and at the end, linearly in between (Goyal et al. 2017 let it fall, in steps)", at_least=0
    )
    warmup_steps: int = option(
        0, "updates over which it rises first, linearly (Goyal et al. 2017)", at_least=0
    )
    beta2: float = option(0.95, "AdamW's decay of squared gradients (Brown et al. 2020)", at_least=0, below=1)
    weight_decay: float = option(
        0.0, "AdamW's decoupled weight decay (Loshchilov and Hutter 2019)", at_least=0
    )
    max_grad_norm: float = option(
        1.0, "gradients are clipped to this norm (Pascanu et al. 2013; 1 as in Brown et al. 2020)", above=0
    )
    micro_batch_tokens: int = option(
        4096, "padded tokens of one forward pass; a batch is as many passes as it needs", at_least=1
    )
    micro_batch_size: int = option(0, "and episodes at most; 0: as many as that allows", at_least=0)
    train_fraction: float = option(1.0, "part of the train split that is learned from", above=0, at_most=1)
    eval_freq: int = option(
        10_000, "environment steps between evaluations on validation; 0: none", at_least=0
    )
    n_eval_episodes: int = option(100, "episodes of such an evaluation", at_least=1)
    eval_deterministic: bool = option(True, "greedy there, as in the final evaluation; False samples")
    temperature: float = option(
        1.0,
        "of the policy that is drawn from when acting is not deterministic; evaluations included",
        above=0,
        decoding=True,
    )
    keep_best: bool = option(True, "keep the weights that were best on validation")
    checkpoint_freq: int = option(
        20_000,
        "environment steps between checkpoints for resuming; 0: none",
        at_least=0,
        affects_result=False,
    )
    warm_start_folder: str = option(
        "", "where warm starts are kept and looked for; empty: nowhere", affects_result=False
    )

    def __post_init__(self) -> None:
        for name, known in (("dtype", ("auto", *DTYPES)), ("adapter", ("auto", "lora", "none"))):
            if getattr(self, name) not in known:
                raise ValueError(f"unknown {name}={getattr(self, name)!r}; there are {', '.join(known)}")
        if not all(isinstance(name, str) for name in self.lora_target_modules):
            raise ValueError(f"lora_target_modules={self.lora_target_modules!r} must be names of layers")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayingAgentConfig(LanguageAgentConfig):
    """The options of agents that learn from what they play; they may begin from demonstrations."""

    episodes_per_round: int = option(0, "episodes played between updates; 0: n_envs", at_least=0)
    train_dataset: str = option(
        "",
        "data set that is played on, with the environment's own tokenizer; empty: the same",
    )
    reward: Any = option(None, "training reward; none: the environment's own")
    reward_timing: Any = option(None, "when the training reward is paid; none: the environment's own")
    warm_start: bool = option(
        True, "a fresh model is first trained on demonstrations, where the environment has any"
    )
    supervised: dict[str, Any] = option({}, "what that training does otherwise than by default")

    def __post_init__(self) -> None:
        LanguageAgentConfig.__post_init__(self)
        if self.reward_timing is not None:
            RewardTiming(self.reward_timing)  # says what is wrong with it

    @property
    def round_size(self) -> int:
        """Episodes played between updates."""
        return self.episodes_per_round or self.n_envs
