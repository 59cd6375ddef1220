"""The options that all language agents have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llm_baselines.configuration.options import option, redefined
from llm_baselines.configuration.trackers import check_tracker
from llm_baselines.lm.precision import DTYPES
from llm_envs.envs.reward_timing import RewardTiming

COMPONENT_SCALING = ("sum", "normalize")
ENVIRONMENT_OPTIONS = ("reward", "reward_timing", "train_dataset", "train_fraction", "component_scaling")
"""Options that need an environment made by gymnasium.make from one of our ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageAgentConfig:
    """Model, optimizer, data, evaluation and checkpoints: the options that all language agents have."""

    dtype: str = option(
        "auto",
        "number type of a frozen base: 'float32', 'bfloat16', or 'auto' for the faster one; trained weights "
        "are float32",
    )
    adapter: str = option(
        "auto",
        "'lora': trains small matrices beside the weights (Hu et al. 2022); 'none': trains all weights; "
        "'auto': LoRA from 50 million parameters on",
    )
    lora_rank: int = option(
        16, "rank of the LoRA matrices; a choice, Hu et al. 2022 try 1 to 64", at_least=1, at_most=2**14
    )
    lora_alpha: int = option(
        32,
        "the LoRA product is multiplied by lora_alpha / lora_rank (Hu et al. 2022); twice the rank",
        at_least=1,
    )
    lora_target_modules: list[str] = option([], "layers that LoRA adapts; empty: chosen by architecture")
    n_envs: int = option(
        64, "rows that are played side by side; a choice for two cores", at_least=1, at_most=2**16
    )
    learning_rate: float = option(
        3e-4, "AdamW's step size at the start (Loshchilov and Hutter 2019)", above=0
    )
    learning_rate_end: float | None = option(
        0.0,
        "AdamW's step size at the end; it falls linearly (Goyal et al. 2017: in steps); none: it stays",
        at_least=0,
    )
    warmup_steps: int = option(
        0, "updates over which the step size first rises, linearly (Goyal et al. 2017)", at_least=0
    )
    beta2: float = option(0.95, "AdamW's decay of squared gradients (Brown et al. 2020)", at_least=0, below=1)
    weight_decay: float = option(
        0.0, "AdamW's decoupled weight decay (Loshchilov and Hutter 2019)", at_least=0
    )
    max_grad_norm: float = option(
        1.0, "gradients are clipped to this norm (Pascanu et al. 2013; 1 as in Brown et al. 2020)", above=0
    )
    micro_batch_tokens: int = option(
        4096, "padded tokens of one forward pass; a batch takes as many passes as it needs", at_least=1
    )
    micro_batch_size: int = option(0, "episodes of one forward pass; 0: no limit", at_least=0)
    train_fraction: float = option(1.0, "part of the train split that is learned from", above=0, at_most=1)
    eval_freq: int = option(
        10_000, "environment steps between evaluations on validation; 0: none", at_least=0
    )
    n_eval_episodes: int = option(100, "episodes of an evaluation on validation", at_least=1)
    eval_deterministic: bool = option(True, "whether evaluations on validation are greedy; False samples")
    eval_metrics: list[Any] = option(
        [],
        "metrics of evaluations on validation besides the environment's own: rewards, as held-out values of "
        "the curve",
        later=True,
        affects_result=False,
    )
    temperature: float = option(
        1.0,
        "temperature of the policy when acting is not deterministic, also in evaluations",
        above=0,
        decoding=True,
    )
    keep_best: bool = option(True, "whether training ends with the weights that were best on validation")
    checkpoint_freq: int = option(
        20_000,
        "environment steps between checkpoints for resuming; 0: none",
        at_least=0,
        affects_result=False,
    )
    report_to: str = option(
        "",
        "experiment tracker that gets the log too, where it is installed: 'wandb' or 'trackio'; empty: none",
        later=True,
        affects_result=False,
    )
    warm_start_folder: str = option(
        "", "folder in which warm starts are kept and found again; empty: none", affects_result=False
    )

    def __post_init__(self) -> None:
        for name, known in (("dtype", ("auto", *DTYPES)), ("adapter", ("auto", "lora", "none"))):
            if getattr(self, name) not in known:
                raise ValueError(f"unknown {name}={getattr(self, name)!r}; there are {', '.join(known)}")
        check_tracker(self.report_to)
        if not all(isinstance(name, str) for name in self.lora_target_modules):
            raise ValueError(f"lora_target_modules={self.lora_target_modules!r} must be names of layers")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayingAgentConfig(LanguageAgentConfig):
    """The options of agents that learn from what they play; they may begin from demonstrations."""

    learning_rate_end: float | None = redefined(LanguageAgentConfig, "learning_rate_end", None)
    episodes_per_round: int = option(0, "episodes played between updates; 0: n_envs", at_least=0)
    train_dataset: str = option(
        "",
        "data set of the training, with the environment's own tokenizer; empty: the environment's",
    )
    reward: Any = option(None, "training reward; none: the environment's own")
    reward_timing: Any = option(None, "when the training reward is paid; none: the environment's own")
    component_scaling: str = option(
        "sum",
        "'sum': components count with their weights; 'normalize': each is first divided by its spread, as "
        "normalize_then_sum of TRL, so that scales do not matter; for rewards paid at the end",
        later=True,
    )
    warm_start: bool = option(
        True, "whether a fresh model is first trained on demonstrations, if the environment has any"
    )
    supervised: dict[str, Any] = option({}, "options of the warm start that differ from its defaults")
    averaging: float = option(
        0.0,
        "evaluations and the trained agent have the mean of the weights so far, and late ones count most "
        "(polynomial decay, Shamir and Zhang 2013): with 8, about the last ninth; 0: the last weights",
        at_least=0,
        later=True,
    )
    log_samples: int = option(
        10,
        "rounds between tables of sampled texts with their reward components in the log; 0: none",
        at_least=0,
        later=True,
        affects_result=False,
    )
    reward_warnings: bool = option(
        True,
        "whether a warning says that a reward component swamps the others, texts drift in length, groups "
        "score the same, or a held-out value falls while the reward rises",
        later=True,
        affects_result=False,
    )
    guard_rounds: int = option(
        20,
        "rounds in a row with fresh texts worse than at the start, KL included, after which a warning says "
        "what to turn; 0: never",
        at_least=0,
        later=True,
    )
    guard_margin: float = option(
        0.5, "how much worse they have to be, in spreads of the scores", at_least=0, later=True
    )
    guard_halts: bool = option(
        False, "whether the training ends there; keep_best keeps the best weights", later=True
    )

    def __post_init__(self) -> None:
        LanguageAgentConfig.__post_init__(self)
        if self.component_scaling not in COMPONENT_SCALING:
            raise ValueError(
                f"unknown component_scaling={self.component_scaling!r}; there are 'sum' and 'normalize'"
            )
        if self.reward_timing is not None:
            RewardTiming(self.reward_timing)  # raises if it is invalid

    @property
    def round_size(self) -> int:
        """Episodes played between updates."""
        return self.episodes_per_round or self.n_envs
