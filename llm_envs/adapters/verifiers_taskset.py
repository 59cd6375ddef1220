"""The classes that verifiers loads: tasks from our examples, and an environment that answers the model.

Importing this module imports verifiers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import verifiers.v1 as vf

from llm_envs.adapters.texts import make_env, say, score_so_far
from llm_envs.envs.token_env import TokenEnv
from llm_envs.episode import Example
from llm_envs.evaluation import episode_seed

__all__ = ["TokenEnvironment", "TokenTaskset"]


class TokenTasksetConfig(vf.TasksetConfig):
    """Which environment, and which of its examples."""

    env_id: str = "TextGen-v0"
    """A registered id of llm-envs."""
    arguments: dict[str, Any] = {}  # noqa: RUF012  (verifiers copies it)
    """Arguments of the environment, such as split, reward or dataset."""
    examples: list[int] | None = None
    """Indices of the examples; None takes the whole split."""
    seed: int = 0
    """Decides the user's behaviour in dialogues."""


class TokenTaskData(vf.TaskData):
    """What begins an episode."""

    env_id: str
    arguments: dict[str, Any]
    example: int
    seed: int


class TokenTask(vf.Task[TokenTaskData]):
    """One example of an environment. TokenEnvironment scores it."""


class TokenTaskset(vf.Taskset[TokenTask, TokenTasksetConfig]):
    """The examples of an environment, one task each."""

    def load(self) -> Iterator[TokenTask]:
        """Yields the tasks, with the prompt or the user's first turn."""
        config = self.config
        env = _made(config.env_id, config.arguments)
        indices = range(len(env.task.examples)) if config.examples is None else config.examples
        for index in indices:
            seed = episode_seed(config.seed, index)
            env.reset(seed=seed, options={"example": index})
            data = TokenTaskData(
                name=f"{config.env_id}#{index}",
                prompt=_prompt(env, env.task.examples[index]),
                env_id=config.env_id,
                arguments=config.arguments,
                example=index,
                seed=seed,
            )
            yield TokenTask(data, config.task)


class TokenEnvironmentConfig(vf.EnvConfig):
    """One seat: the model that plays, by default in a chat without tools on this machine."""

    player: vf.AgentConfig = vf.AgentConfig.model_validate(
        {"harness": {"id": "null"}, "runtime": {"type": "subprocess"}}
    )


class TokenEnvironment(vf.Env[TokenEnvironmentConfig]):
    """Plays the model's texts in the environment, which answers as the user, and records its reward."""

    async def run(self, task: Any, agents: Any) -> None:
        """Plays one episode; an exchange that verifiers ends early earns the reward so far."""
        data: TokenTaskData = task.data
        env = _made(data.env_id, data.arguments)
        env.reset(seed=data.seed, options={"example": data.example})
        async with agents.player.interaction(task) as interaction:
            segment = await interaction.turn()
            while not segment.terminated:
                answers = say(env, segment.last_reply)
                if env.outcome is not None:
                    break
                segment = await interaction.turn("\n".join(answers))
        trace, outcome = interaction.trace, env.outcome
        reward, components = score_so_far(env)
        trace.record_metrics({**components, **({} if outcome is None else outcome.metrics)})
        if outcome is not None:
            trace.info["finish_reason"] = outcome.finish_reason
        trace.record_reward("reward", reward)


def _made(env_id: str, arguments: dict[str, Any]) -> TokenEnv:
    return make_env(env_id, dict(arguments), "verifiers")


def _prompt(env: TokenEnv, example: Example) -> Any:
    """Returns the prompt: the source, a recorded talk, or the user's first turn of a dialogue."""
    turns = env.episode.turns
    if turns:
        return turns[0].text
    history = example.metadata.get("history")
    if env.task.kind != "chat" or not history:
        return example.source
    texts = [*history, example.source]
    roles = ["assistant" if back % 2 else "user" for back in reversed(range(len(texts)))]
    return [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]
