"""Translation: a sentence in one language, its translation token by token."""

from __future__ import annotations

from typing import Any, ClassVar

from llm_envs.envs.task import Task
from llm_envs.envs.token_env import TokenEnv
from llm_envs.envs.vector_env import TokenVectorEnv


class Translation(Task):
    """A source sentence and its reference translations."""

    kind = "translation"
    default_dataset = "en-de"
    default_max_prompt_tokens: ClassVar[int] = 24
    default_max_new_tokens: ClassVar[int] = 24

    def default_reward(self) -> Any:
        """Sentence BLEU, tokenised as the target language needs."""
        return "bleu"

    def default_tokenizer(self) -> str | dict[str, Any]:
        """Returns words.

        In the grammars the test split has no word that train lacks, so words need no spelling.
        """
        closed = self.corpus.name.startswith(("en-de", "en-zh"))
        return {"id": "word", "spell": False} if closed else "word"

    def default_metrics(self) -> list[Any]:
        """Returns chrF, and whether the sentence equals a reference."""
        return ["chrf", "exact_match"]


class TranslationEnv(TokenEnv):
    """Translation-v0, Translation-EnZh-v0, Translation-EnIt-v0: translate a sentence, one token at a time.

    Observation: `Box(-1, V-1, (context_length,), int32)`: the source, a separator, the translation so far;
    -1 where there is no token.

    Action: `Discrete(V)`: the next token; words of both languages share one vocabulary.

    Reward: at the end, sentence BLEU against the references, 0 to 1 (sacrebleu's, `zh` tokenisation for
    Chinese).

    Terminated: at the end token or when `max_new_tokens` are spent. Truncated: never.

    Info: `example` and `source` at reset, `outcome` at the end (see TokenEnv).

    Arguments: those of TokenEnv; harder levels through `dataset`: "en-de-2", "en-de-3", "en-zh-2",
    "en-zh-3", with `max_prompt_tokens` and `max_new_tokens` to fit.

    Version history: v0, first release.
    """

    task_class = Translation


class TranslationVectorEnv(TokenVectorEnv):
    """Many TranslationEnv that step together."""

    task_class = Translation
