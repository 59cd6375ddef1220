"""Small talk: a line and what was said before it. The agent writes the reply token by token."""

from __future__ import annotations

from typing import Any, ClassVar

from llm_envs.envs.task import Task
from llm_envs.envs.token_env import TokenEnv
from llm_envs.envs.vector_env import TokenVectorEnv
from llm_envs.episode import Example


class Chat(Task):
    """One reply in a recorded talk. The metadata key "history" holds the turns before the source."""

    kind = "chat"
    roles = True
    default_dataset = "chat"
    default_max_prompt_tokens: ClassVar[int] = 128
    default_max_new_tokens: ClassVar[int] = 48

    def default_reward(self) -> Any:
        """Returns BLEU against the nearest of the replies that people wrote."""
        return "bleu"

    def default_metrics(self) -> list[Any]:
        """Returns chrF, and the share of distinct n-grams."""
        return ["chrf", "distinct"]

    def prompt_tokens(self, example: Example) -> list[int]:
        """Returns the talk so far and the marker of the agent. A long talk keeps only its last turns.

        A chat template needs the user's turn first, so a turn of the agent before it is left out.
        """
        markers, encode = self.tokenizer.markers, self.tokenizer.encode
        history = example.metadata.get("history") or ()
        if not isinstance(history, list | tuple) or not all(isinstance(text, str) for text in history):
            raise ValueError(
                f"the history of {example.source!r} is {history!r}; expected a list of texts, one for each "
                "turn"
            )
        texts = [*history, example.source]
        speakers = ["agent" if back % 2 else "user" for back in reversed(range(len(texts)))]
        templated = "opening" in markers  # a template begins with a user's turn, and ends the agent's turns
        ends = {"user": (), "agent": self.tokenizer.end_token_ids[:1] if templated else ()}
        turns = [[*encode(text), *ends[speaker]] for text, speaker in zip(texts, speakers, strict=True)]
        for begin, speaker in enumerate(speakers):
            if templated and speaker == "agent":
                continue
            tokens = [*(markers["opening"] if templated else [*markers["start"], *markers[speaker]])]
            tokens += turns[begin]
            for at in range(begin + 1, len(turns)):
                tokens += [*markers[speakers[at]], *turns[at]]
            tokens += markers["agent"]
            if len(tokens) <= self.max_prompt_tokens:
                break
        return tokens


class ChatEnv(TokenEnv):
    """Dialogue-Chat-v0: reply to a line of small talk, one token at a time.

    Observation: `Box(-1, V-1, (context_length,), int32)`: the talk so far, each turn after the marker of its
    speaker, then the reply so far; -1 where there is no token.

    Action: `Discrete(V)`: the next token.

    Reward: at the end, sentence BLEU against the replies people wrote, 0 to 1.

    Terminated: at the end token or when `max_new_tokens` are spent. Truncated: never.

    Info: `example` and `source` at reset, `outcome` at the end (see TokenEnv).

    Arguments: those of TokenEnv.

    Version history: v0, first release.
    """

    task_class = Chat


class ChatVectorEnv(TokenVectorEnv):
    """Many ChatEnv that step together."""

    task_class = Chat
