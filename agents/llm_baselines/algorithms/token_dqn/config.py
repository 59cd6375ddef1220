"""TokenDQN's hyperparameters: what each is, and where its default comes from."""

from __future__ import annotations

from dataclasses import dataclass

from llm_baselines.configuration.options import changed, option
from llm_baselines.lm.settings import LanguageAgentConfig
from llm_baselines.play.exploration import Exploration

_CHOICES = {
    "q": ("logits", "head"),
    "loss": ("squared", "huber"),
    "to_the_end_gradient": ("path", "action"),
}
_OF_HEADS = (
    "double",
    "dueling",
    "n_steps",
    "optimality_tightening",
    "advantage_learning",
    "priority_exponent",
    "head_scale",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDQNConfig(LanguageAgentConfig):
    """Every option of TokenDQN.

    "measured" in a source: chosen in trials on validation, which the suites in benchmarks/suites describe.
    """

    q: str = option(
        "logits",
        "'logits': Q = V + tau (log pi - log pi_ref), from any language model (Nachum et al. 2017); "
        "'head': a head over the vocabulary (Mnih et al. 2015)",
    )
    gamma: float = option(
        1.0, "discount; 1, as a text's score is one number (Ranzato et al. 2016)", above=0, at_most=1
    )
    buffer_size: int = option(
        1_000_000, "tokens in the replay; Mnih et al. 2015 keep a million frames", at_least=1
    )
    learning_starts: int = option(
        0, "environment steps before the first update; Mnih et al. 2015 wait for 50,000 frames", at_least=0
    )
    batch_size: int = option(64, "episodes of an update; Mnih et al. 2015 take 32 transitions", at_least=1)
    gradient_steps: int = option(4, "updates after each round of episodes; measured", at_least=0)
    max_age: int = option(
        4, "rounds after which an episode leaves the replay; 0: when there is no room; measured", at_least=0
    )
    max_distance: float = option(
        0.0,
        "an episode leaves whose mean |log pi - log behaviour| per token is above this (nats); 0: none does",
        at_least=0,
    )
    loss: str = option(
        "squared", "'squared' (Mnih et al. 2013), or 'huber', the error clipping of Mnih et al. 2015"
    )
    # q="logits"
    tau: float = option(
        0.1, "weight of the KL to the reference, in units of reward per nat; measured", above=0
    )
    target_kl: float = option(
        0.0,
        "sequence KL to the reference, nats, that tau is adapted to (Ziegler et al. 2019); 0: tau stays",
        at_least=0,
    )
    one_step_weight: float = option(
        1.0, "weight of the one-step consistency (Nachum et al. 2017, eq. 10)", at_least=0
    )
    to_the_end_weight: float = option(
        1.0, "weight of the consistency to the segment's end (Nachum et al. 2017, eq. 14)", at_least=0
    )
    to_the_end_gradient: str = option(
        "path",
        "what it moves: 'path', later actions of the text too (Nachum et al. 2017); 'action', its own alone",
    )
    value_learning_rate: float = option(5e-3, "Adam's step size for the value head; measured", above=0)
    value_warmup: int = option(
        20,
        "updates at the start that train V alone, so that nothing is praised for what all texts earn",
        at_least=0,
    )
    value_steps: int = option(
        0, "steps of the value head alone after each round, on features that are read once", at_least=0
    )
    value_max_grad_norm: float = option(
        1.0, "the value head's gradients are clipped to this norm (Pascanu et al. 2013)", above=0
    )
    # q="head"
    double: bool = option(True, "double DQN (van Hasselt et al. 2016)")
    dueling: bool = option(False, "dueling heads (Wang et al. 2016)")
    n_steps: int = option(
        1, "rewards summed before bootstrapping, through greedy actions (Watkins 1989)", at_least=1
    )
    optimality_tightening: bool = option(
        False,
        "targets are no less than what the episode went on to earn: where nothing is random (He et al. 2017)",
        later=True,
    )
    advantage_learning: float = option(
        0.0,
        "targets lose this share of how much worse than the best an action is, so that errors of Q hide less "
        "of it (Bellemare et al. 2016)",
        at_least=0,
        below=1,
        later=True,
    )
    priority_exponent: float = option(
        0.0,
        "episodes are replayed by (largest |TD error| at their last use)^this (Schaul et al. 2016: 0.6); "
        "0: uniformly",
        at_least=0,
        later=True,
    )
    support_top_k: int = option(
        0,
        "behaviour and maximum stay within the reference's k best tokens (Fan et al. 2018); 0: all tokens",
        at_least=0,
    )
    head_scale: float = option(
        0.05,
        "Q starts as this times the reference's logits, where there is one: a choice, Q stays below 1",
        at_least=0,
    )
    # target network
    target_update_interval: int = option(
        1,
        "updates between moves of the target; 1 with polyak_tau below 1 (Lillicrap et al. 2016)",
        at_least=1,
    )
    polyak_tau: float = option(
        0.05, "how far it moves; 1 copies, as Mnih et al. 2015 do by period", above=0, at_most=1
    )
    # exploration
    exploration: str = option(
        "auto",
        "'sample', 'epsilon_greedy', 'epsilon_boltzmann', 'boltzmann' or 'prior_epsilon', see Exploration; "
        "'auto': 'sample' with q='logits' (measured), 'epsilon_greedy' with 'head' (Mnih et al. 2015)",
    )
    exploration_temperature: float = option(
        1.0, "temperature of 'sample', both 'boltzmann' and the prior; measured", above=0
    )
    top_k: int = option(
        0,
        "what is drawn from a language model comes from its k best tokens (Fan et al. 2018); 0: all",
        at_least=0,
        decoding=True,
    )
    top_p: float = option(1.0, "nucleus (Holtzman et al. 2020); 1: all", above=0, at_most=1, decoding=True)
    exploration_fraction: float = option(
        0.2,
        "part of the training in which epsilon falls; Mnih et al. 2015: a fiftieth",
        at_least=0,
        at_most=1,
    )
    exploration_initial_eps: float = option(
        1.0, "epsilon at the start, per token (Mnih et al. 2015)", at_least=0, at_most=1
    )
    exploration_final_eps: float = option(
        0.02,
        "epsilon at the end: about 0.5 / mean length; Mnih et al. 2015: 0.1 an action",
        at_least=0,
        at_most=1,
    )

    def __post_init__(self) -> None:
        LanguageAgentConfig.__post_init__(self)
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                there_are = " and ".join(map(repr, known))
                raise ValueError(f"unknown {name}={getattr(self, name)!r}; there are {there_are}")
        if self.q == "logits":
            for name, value in changed(self, _OF_HEADS).items():
                raise ValueError(f"{name}={value!r} is for q='head': with q='logits' leave it out")
        if self.optimality_tightening and self.n_steps > 1:
            raise ValueError(
                f"optimality_tightening looks to the episode's end, so n_steps={self.n_steps} has no effect: "
                "leave one of them out"
            )
        if self.exploration == "auto":
            chosen = "sample" if self.q == "logits" else "epsilon_greedy"
            object.__setattr__(self, "exploration", chosen)
        self.make_exploration()

    def make_exploration(self) -> Exploration:
        """The exploration these options describe."""
        return Exploration(self.exploration, self.exploration_temperature, self.top_k, self.top_p)
