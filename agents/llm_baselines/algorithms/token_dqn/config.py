"""The hyperparameters of TokenDQN that every objective has, with the sources of their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from llm_baselines.configuration.options import option
from llm_baselines.lm.settings import PlayingAgentConfig
from llm_baselines.play.exploration import Exploration

_Q = ("logits", "head")
_LOSSES = ("squared", "huber")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDQNConfig(PlayingAgentConfig):
    """The options that both objectives have; LogitsConfig and HeadConfig add their own.

    "measured" means that trials on validation chose the default; benchmarks/suites describes them.
    """

    usual_exploration: ClassVar[str] = "sample"
    """The strategy behind exploration="auto"."""

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
    batch_tokens: int = option(
        0,
        "tokens acted of an update: it takes episodes until they have as many; 0, and where groups "
        "of texts are compared: batch_size episodes",
        at_least=0,
        later=True,
    )
    reuse: float = option(
        4.0,
        "how many times each token acted is learned from, on average: updates follow the tokens played, "
        "however long the episodes are; measured",
        at_least=0,
    )
    max_age: int = option(
        4, "rounds after which an episode leaves the replay; 0: when there is no room; measured", at_least=0
    )
    loss: str = option(
        "squared", "'squared' (Mnih et al. 2013), or 'huber', the error clipping of Mnih et al. 2015"
    )
    support_top_k: int = option(
        0,
        "behaviour and maximum stay within the reference's k best tokens (Fan et al. 2018); 0: all tokens",
        at_least=0,
    )
    target_update_interval: int = option(
        1,
        "updates between moves of the target; 1 with polyak_tau below 1 (Lillicrap et al. 2016)",
        at_least=1,
    )
    polyak_tau: float = option(
        0.05, "how far it moves; 1 copies, as Mnih et al. 2015 do by period", above=0, at_most=1
    )
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
        PlayingAgentConfig.__post_init__(self)
        check_choice("q", self.q, _Q)
        check_choice("loss", self.loss, _LOSSES)
        if self.exploration == "auto":
            object.__setattr__(self, "exploration", self.usual_exploration)
        self.make_exploration()

    def make_exploration(self) -> Exploration:
        """Returns the exploration that these options describe."""
        return Exploration(self.exploration, self.exploration_temperature, self.top_k, self.top_p)

    @property
    def reads_prior(self) -> bool:
        """Whether behaviour draws from the reference."""
        return self.make_exploration().needs_prior

    @property
    def reads_reference(self) -> bool:
        """Whether behaviour, or the support of actions, uses the reference."""
        return self.reads_prior or self.support_top_k > 0


def check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    """Raises if an option has none of its possible values.

    Raises:
        ValueError: The value is unknown.
    """
    if value not in known:
        raise ValueError(f"unknown {name}={value!r}; there are {' and '.join(map(repr, known))}")
