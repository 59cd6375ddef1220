"""A dialogue as a tool that TRL's GRPOTrainer lets a model call."""

from __future__ import annotations

from typing import Any

from llm_envs.adapters.texts import say, score_so_far
from llm_envs.envs.token_env import TokenEnv


class DialogueTool:
    """One running dialogue. The public methods are the tools, besides `reset` and `get_reward`.

    Args:
        env: An environment of dialogues. It is this object's alone.
    """

    def __init__(self, env: TokenEnv) -> None:
        self._env = env
        self._begun = False

    def reset(self, example: int | None = None, seed: int | None = None, **row: Any) -> None:
        """Begins the dialogue of a row of the data set, whose prompt has the user's first turn.

        Args:
            example: Index of the example; random if omitted.
            seed: Decides the user's behaviour.
            **row: The other columns of the row.
        """
        self._env.reset(seed=seed, options=None if example is None else {"example": int(example)})
        self._begun = True

    def say(self, text: str) -> str:
        """Says one turn to the user and returns the answer.

        Args:
            text: What to say, in one line.

        Returns:
            The answer of the user, or of the database.
        """
        env = self._env
        if not self._begun or env.outcome is not None:
            raise ValueError("the dialogue is over")
        answers = say(env, text)
        over = "" if env.outcome is None else "\n(The dialogue is over.)"
        return "\n".join(answers) + over

    def get_reward(self) -> float:
        """Returns the environment's reward of the dialogue so far."""
        return float(score_so_far(self._env)[0])
