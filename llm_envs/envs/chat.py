"""Small talk: a line, and what was said before it; the reply token by token."""

from __future__ import annotations

from typing import Any, ClassVar

from llm_envs.envs.task import Task
from llm_envs.envs.token_env import TokenEnv
from llm_envs.envs.vector_env import TokenVectorEnv
from llm_envs.episode import Example, Turn


class Chat(Task):
    """One reply to a recorded talk; metadata "history" holds the turns before the source."""

    kind = "chat"
    roles = True
    default_dataset = "chat"
    default_max_prompt_tokens: ClassVar[int] = 128
    default_max_new_tokens: ClassVar[int] = 48

    def default_reward(self) -> Any:
        """Likeness to the nearest of the replies people wrote."""
        return "bleu"

    def default_metrics(self) -> list[Any]:
        """A second view of likeness."""
        return ["chrf", "distinct"]

    def prompt_tokens(self, example: Example) -> list[int]:
        """The talk so far, the last turns of it where it is long, and the marker of the agent."""
        markers = self.tokenizer.markers
        if not example.metadata.get("history"):
            return self.opening_tokens(Turn("user", example.source))
        last = self.turn_tokens(Turn("user", example.source))
        earlier: list[int] = []
        room = self.max_prompt_tokens - len(last) - len(markers["start"])
        speakers = ("agent", "user")
        for back, text in enumerate(reversed(example.metadata.get("history", ()))):
            turn = [*markers[speakers[back % 2]], *self.tokenizer.encode(text)]
            if len(turn) + len(earlier) > room:
                break
            earlier = turn + earlier
        return [*markers["start"], *earlier, *last]


class ChatEnv(TokenEnv):
    """Dialogue-Chat-v0: reply to a line of small talk, one token at a time.

    Observation: `Box(-1, V-1, (context_length,), int32)`: the talk so far, each turn led in by the marker of
    its speaker, then the reply so far; -1 where there is no token.

    Action: `Discrete(V)`: the next token.

    Reward: at the end, sentence BLEU against the replies people wrote, 0 to 1.

    Terminated: at the end token or when `max_new_tokens` are spent. Truncated: never.

    Info: `example` and `source` at reset, `outcome` at the end (see TokenEnv).

    Arguments: those of TokenEnv.

    Version history: v0, first release.
    """

    task_class = Chat


class ChatVectorEnv(TokenVectorEnv):
    """ChatEnv in rows."""

    task_class = Chat
