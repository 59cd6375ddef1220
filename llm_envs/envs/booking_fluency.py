"""The fluency of an agent's turn for the user of a booking dialogue, and the least the user understands."""

from __future__ import annotations

from functools import lru_cache

from llm_envs.rewards.ngram_model import NgramModel
from llm_envs.simulators.booking.dialogues import expert_dialogues
from llm_envs.simulators.booking.venues import NAME_ADJECTIVES, NAME_NOUNS, SLOT_VALUES, STREET_KINDS, STREETS

_DIALOGUES = 800
_HELD_OUT = 200
_MARGIN = 0.1  # nats per word below the least fluent unseen turn of the expert

# The values in a turn do not matter for its fluency, so each is replaced by its class.
_CLASS = dict.fromkeys(STREETS, "street")
_CLASS |= dict.fromkeys(STREET_KINDS, "road")
_CLASS |= dict.fromkeys(NAME_ADJECTIVES, "adjective") | dict.fromkeys(NAME_NOUNS, "name")
_CLASS |= {value: slot for slot, values in SLOT_VALUES.items() for value in values}


@lru_cache(maxsize=1)
def dialogues() -> list[list[tuple[str, str]]]:
    """Returns dialogues of the expert with users of the train split: (speaker, text) in the order spoken."""
    return expert_dialogues("train", _DIALOGUES, seed=0)


@lru_cache(maxsize=1)
def agent_turns() -> tuple[str, ...]:
    """Returns the expert's turns in these dialogues."""
    return _turns_of_agent(dialogues())


def fluency(text: str) -> float:
    """Returns the mean log-probability per word of an agent's turn in nats.

    Values are read as their classes.
    """
    return _model().logprob(_classed(text))


@lru_cache(maxsize=1)
def fluency_floor() -> float:
    """Returns a value just below the fluency of the expert's worst turn in unseen dialogues."""
    return min(map(fluency, _turns_of_agent(expert_dialogues("train", _HELD_OUT, seed=1)))) - _MARGIN


@lru_cache(maxsize=1)
def _model() -> NgramModel:
    return NgramModel.fit(map(_classed, agent_turns()))


def _turns_of_agent(talks: list[list[tuple[str, str]]]) -> tuple[str, ...]:
    return tuple(text for talk in talks for speaker, text in talk if speaker == "agent")


def _classed(text: str) -> str:
    words = ("number" if any(map(str.isdigit, word)) else word for word in text.split())
    return " ".join(_CLASS.get(word, word) for word in words)
