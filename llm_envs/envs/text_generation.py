"""Text generation: poems, scripts and code to a request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, ClassVar

from llm_envs.data import Corpus
from llm_envs.envs.task import Task
from llm_envs.envs.token_env import TokenEnv
from llm_envs.envs.vector_env import TokenVectorEnv
from llm_envs.episode import Example
from llm_envs.rewards.builtin.constraints import asks
from llm_envs.rewards.forms import FORMS
from llm_envs.rewards.grammar.lexicon import english
from llm_envs.tokenizers.words import is_word, tokens_of


class TextGeneration(Task):
    """A request names a form, a topic and words to use. The text answers it."""

    kind = "text-generation"
    default_dataset = "poems"
    default_max_prompt_tokens: ClassVar[int] = 24
    default_max_new_tokens: ClassVar[int] = 64

    def default_reward(self) -> Any:
        """Returns the product of doing what was asked, writing fluently, and not copying the train split.

        English poems are scored by "verse", the same product with `sentences` as one more factor. If some
        request asks for neither words nor a form, the product is of fluency and novelty. Code is run against
        its tests; without tests it is scored by BLEU against its one right answer. Prompts without any
        references are scored by sentiment. All splits of a data set have the same reward.
        """
        if not self.train_texts():  # fluency and novelty need train texts
            return "sentiment"
        if self.corpus.language == "code":
            if _every(self.corpus, _has_tests):
                return "unit_tests"
            return "bleu" if _every(self.corpus, _has_references) else "novelty"
        constraints = ["constraints"] if _every(self.corpus, asks) else []
        if constraints and _every(self.corpus, _asks_for_verse) and _are_english(self.train_texts()):
            return "verse"
        return {"id": "product", "rewards": [*constraints, "fluency", "novelty"]}

    def default_metrics(self) -> list[Any]:
        """Returns diversity, and chrF if there are references; BLEU too for code."""
        bleu = ["bleu"] if self.corpus.language == "code" else []
        return ["distinct", *(["chrf", *bleu] if self.has_references else [])]


_holds_for_all: dict[tuple[str, Callable[[Example], bool]], bool] = {}


def _every(corpus: Corpus, has: Callable[[Example], bool]) -> bool:
    """Returns True if a condition holds for all examples of all splits. Each data set is checked once."""
    key = (corpus.content_hash, has)
    if key not in _holds_for_all:
        splits = [corpus.split(name) for name, size in corpus.sizes.items() if size]
        _holds_for_all[key] = all(map(has, chain.from_iterable(splits)))
    return _holds_for_all[key]


def _has_references(example: Example) -> bool:
    return bool(example.references)


def _asks_for_verse(example: Example) -> bool:
    return example.metadata.get("form") in FORMS


def _are_english(texts: Sequence[str]) -> bool:
    return english().reads(word for text in texts for word in tokens_of(text) if is_word(word))


def _has_tests(example: Example) -> bool:
    return bool(example.metadata.get("tests"))


class TextGenerationEnv(TokenEnv):
    """TextGen-v0, TextGen-Script-v0, TextGen-Code-v0: write what the request asks for, one token at a time.

    Observation: `Box(-1, V-1, (context_length,), int32)`: the request, a separator, the text so far; -1
    where there is no token.

    Action: `Discrete(V)`: the next token.

    Reward: at the end. For scripts it is the product of `constraints` (the form and the words asked
    for), `fluency` (a classifier of the train texts against word salad) and `novelty` (what is not copied
    from the train split), each 0 to 1. For poems it is `verse`: constraints^2 x fluency^0.7 x `sentences`
    (a grammar of English) x novelty, and a tenth of a gentler product. With a product, neither a fluent text
    about something else nor a list of the words asked for earns much. For code it is 1 if the function passes
    all its tests, else 0: they run in a sandbox, on Linux (`unit_tests`); elsewhere choose `reward="bleu"`.

    Terminated: at the end token or when `max_new_tokens` are spent. Truncated: never.

    Info: `example` and `source` at reset, `outcome` at the end (see TokenEnv).

    Arguments: those of TokenEnv; `dataset` may be any corpus, "file:PATH" or "hub:NAME". If some request of
    the data set asks for neither words nor a form, the reward is fluency x novelty. A prompt-only data set
    such as "openings" is scored by `sentiment`.

    Version history: v0, first release. Since `verse` (in `signature`) rules read poems too: learners found
    word salad that `fluency` alone took for English. Since `fluency` v3 poems and scripts are scored anew:
    the n-gram model before it took strings of likely word pairs for English. Code was scored by BLEU until
    `unit_tests` came. The signature tells the scores apart.
    """

    task_class = TextGeneration


class TextGenerationVectorEnv(TokenVectorEnv):
    """Many TextGenerationEnv that step together."""

    task_class = TextGeneration
