"""Example, Episode and Outcome: frozen dataclasses that data, environments, rewards and agents share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from llm_envs.html import Html
    from llm_envs.html.tokens import Decoder

FinishReason = Literal["stop", "length", "task"]


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a data set.

    Attributes:
        source: What the agent is given: a request, a sentence to translate, an opening turn.
        references: Texts that would be good answers, best first. Empty for prompt-only data.
        metadata: What else the task needs, such as a poem's form or a dialogue's goal. JSON-able.
    """

    source: str
    references: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Turn(NamedTuple):
    """One turn of a dialogue; `speaker` is "agent", "user" or "database"."""

    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Episode:
    """What a reward sees: the example, and the agent's text, finished or not.

    Attributes:
        example: The example of the episode.
        text: The agent's text, decoded, without end tokens. In a dialogue: the agent's turns, one per line.
        action_ids: The agent's tokens in order, end tokens included.
        finish_reason: "stop" (the end token), "length" (the budget is spent), "task" (the other side
            ended the episode), or None while the episode is running.
        turns: The turns of the dialogue so far, both sides. Empty in one-turn tasks.
        measures: What the task itself measured, by name, such as a dialogue's success.
    """

    example: Example
    text: str
    action_ids: tuple[int, ...] = ()
    finish_reason: FinishReason | None = None
    turns: tuple[Turn, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The example's source."""
        return self.example.source

    @property
    def references(self) -> tuple[str, ...]:
        """The example's references."""
        return self.example.references

    def to_html(
        self,
        *,
        tokenizer: Decoder | None = None,
        rewards: Sequence[float] | None = None,
        values: Sequence[float] | None = None,
    ) -> Html:
        """Returns the episode as HTML; a notebook shows it.

        Args:
            tokenizer: The environment's tokenizer. It tells the tokens apart.
            rewards: One for each token, such as those of `reward_timing="dense"`. They colour the tokens.
            values: One for each token, such as an agent's Q. They take precedence over rewards.

        Raises:
            ValueError: There is not one reward or value for each token, or no tokenizer for them.
        """
        from llm_envs.html import view

        return view(
            source=self.source,
            text=self.text,
            action_ids=self.action_ids,
            references=self.references,
            turns=self.turns,
            metrics=self.measures,
            finish_reason=self.finish_reason,
            tokenizer=tokenizer,
            rewards=rewards,
            values=values,
        )

    def _repr_html_(self) -> str:
        return self.to_html()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a finished episode. `info["outcome"]` holds it as a dict, as Gymnasium's infos need.

    Attributes:
        source: The example's source.
        references: The example's references.
        text: The agent's text.
        action_ids: The agent's tokens in order, end tokens included.
        reward: The score of the text: the weighted sum of the reward components.
        reward_components: The value of each reward, by name, without its weight.
        metrics: The value of each metric, by name. Metrics are recorded and not part of the reward.
        finish_reason: "stop" (the end token), "length" (the budget is spent) or "task" (the other side
            ended the episode).
    """

    source: str
    references: tuple[str, ...]
    text: str
    action_ids: tuple[int, ...]
    reward: float
    reward_components: Mapping[str, float]
    metrics: Mapping[str, float]
    finish_reason: FinishReason | None

    @classmethod
    def of(
        cls, episode: Episode, reward: float, components: Mapping[str, float], metrics: Mapping[str, float]
    ) -> Outcome:
        """Makes the outcome of a finished episode.

        Args:
            episode: The episode. Its measures become metrics.
            reward: Its score.
            components: The value of each reward.
            metrics: The value of each metric.
        """
        return cls(
            source=episode.source,
            references=episode.references,
            text=episode.text,
            action_ids=episode.action_ids,
            reward=reward,
            reward_components=components,
            metrics={**episode.measures, **metrics},
            finish_reason=episode.finish_reason,
        )

    def to_info(self) -> dict[str, Any]:
        """Returns the dict that `info["outcome"]` holds."""
        return {
            "source": self.source,
            "references": self.references,
            "text": self.text,
            "action_ids": self.action_ids,
            "reward": self.reward,
            "reward_components": dict(self.reward_components),
            "metrics": dict(self.metrics),
            "finish_reason": self.finish_reason,
        }

    @classmethod
    def from_info(cls, info: Mapping[str, Any]) -> Outcome:
        """Makes an outcome from the dict that `info["outcome"]` holds.

        Args:
            info: The dict of one episode. Its numbers may be NumPy scalars, as in vector infos.
        """
        return cls(
            source=info["source"],
            references=tuple(info["references"]),
            text=info["text"],
            action_ids=tuple(info["action_ids"]),
            reward=float(info["reward"]),
            reward_components={name: float(value) for name, value in info["reward_components"].items()},
            metrics={name: float(value) for name, value in info["metrics"].items()},
            finish_reason=info["finish_reason"],
        )

    def to_html(
        self,
        *,
        tokenizer: Decoder | None = None,
        rewards: Sequence[float] | None = None,
        values: Sequence[float] | None = None,
    ) -> Html:
        """Returns the outcome as HTML; a notebook shows it.

        Without rewards or values of tokens, the reward colours the whole text.

        Args:
            tokenizer: The environment's tokenizer. It tells the tokens apart.
            rewards: One for each token, such as those of `reward_timing="dense"`. They colour the tokens.
            values: One for each token, such as an agent's Q. They take precedence over rewards.

        Raises:
            ValueError: There is not one reward or value for each token, or no tokenizer for them.
        """
        from llm_envs.html import view

        return view(
            source=self.source,
            text=self.text,
            action_ids=self.action_ids,
            references=self.references,
            reward=self.reward,
            components=self.reward_components,
            metrics=self.metrics,
            finish_reason=self.finish_reason,
            tokenizer=tokenizer,
            rewards=rewards,
            values=values,
        )

    def _repr_html_(self) -> str:
        return self.to_html()
