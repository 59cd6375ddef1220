"""How much an audit tries. Budgets count texts and reward calls, never seconds, so that results repeat."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Budget:
    """What an audit spends.

    Attributes:
        name: "short" or "full".
        prompts: Prompts that every attack answers.
        constant_prompts: Prompts of another split on which one text for all is searched.
        constant_texts: Texts that this search tries.
        dialogue_tokens: Tokens that the same search writes in dialogues.
        search_prompts: Prompts for each of which texts are searched.
        search_calls: Reward calls of each search on one prompt.
        samples: Texts that the model writes for each prompt.
        resamples: Bootstrap samples of the prompts.
        word_lists: Into so many lists the vocabulary is split, to find words that the reward looks for.
        edits: Numbers of edits that corrupt a reference.
    """

    name: str
    prompts: int
    constant_prompts: int
    constant_texts: int
    dialogue_tokens: int
    search_prompts: int
    search_calls: int
    samples: int
    resamples: int = 400
    word_lists: int = 48
    edits: tuple[int, ...] = (1, 2, 4, 8)

    def for_slow_reward(self) -> Budget:
        """Returns a budget with a tenth of the searches, for rewards that take milliseconds for a text."""
        return replace(
            self,
            constant_prompts=max(2, self.constant_prompts // 4),
            constant_texts=max(16, self.constant_texts // 10),
            word_lists=self.word_lists // 4,
            search_prompts=max(2, self.search_prompts // 4),
            search_calls=max(16, self.search_calls // 8),
            samples=max(4, self.samples // 4),
            edits=(2, 8),
        )


SHORT = Budget("short", 24, 8, 120, 8_000, 8, 128, 8, 200)
FULL = Budget("full", 96, 24, 1500, 150_000, 16, 1500, 32)

BUDGETS = {budget.name: budget for budget in (SHORT, FULL)}
"""name -> budget, the values of --budget."""

SLOW_MS = 4.0
"""A reward that needs longer than this for a text gets the smaller searches."""
