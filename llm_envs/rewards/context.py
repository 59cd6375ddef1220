"""RewardContext, what an environment tells its rewards, and RewardError."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class RewardContext:
    """What a reward may know about its task.

    A reward receives it through a parameter named `context`. A reward that will be pickled (environments in
    subprocesses) takes values from it and does not keep it.

    Attributes:
        train_texts: Returns the texts an agent would write on the train split. Only rewards that are fitted
            call it. None if there are no such texts.
        language: The language the agent should write, an ISO 639-1 code or "code"; None if unknown.
        has_references: True if every example has at least one reference.
        max_new_tokens: The agent's token budget; None if unknown.
        measures: Names of what the task measures about itself; None if unknown.
        lists: Entries of the first example's metadata that hold lists; None if unknown.
    """

    train_texts: Callable[[], Sequence[str]] | None = None
    language: str | None = None
    has_references: bool = True
    max_new_tokens: int | None = None
    measures: Sequence[str] | None = None
    lists: Sequence[str] | None = None

    def require_train_texts(self) -> Sequence[str]:
        """Returns the train texts.

        Raises:
            ValueError: There are no train texts.
        """
        texts = self.train_texts() if self.train_texts is not None else ()
        if not texts:
            raise ValueError(
                "needs the texts of a train split and got none; make it through "
                "gym.make(..., reward=...) or pass RewardContext(train_texts=lambda: [...])"
            )
        return texts

    def require_list(self, key: str) -> None:
        """Checks that examples have a list that a reward will read.

        Args:
            key: The entry of their metadata.

        Raises:
            ValueError: There is no such list.
        """
        if self.lists is not None and key not in self.lists:
            have = ", ".join(self.lists) or "none"
            raise ValueError(
                f"key={key!r}: the examples have no list of this name in metadata; they have {have}"
            )


class RewardError(RuntimeError):
    """A reward raised an error, or returned something that is not a finite number. It never becomes a 0.

    Attributes:
        reward_id: The reward that failed.
        text: The whole text it failed on; None if it scored a whole evaluation at once.
        reason: What went wrong.
    """

    def __init__(self, reward_id: str | RewardError, text: str | None = "", reason: str = "") -> None:
        # Gymnasium's AsyncVectorEnv makes a worker's error again, with the error as the argument.
        original = reward_id if isinstance(reward_id, RewardError) else None
        self.reward_id: str = original.reward_id if original else str(reward_id)
        self.text: str | None = original.text if original else text
        self.reason: str = original.reason if original else reason
        if self.text is None:
            super().__init__(f"metric {self.reward_id!r} {self.reason}")
            return
        shown = self.text if len(self.text) <= _SHOWN else self.text[:_SHOWN] + "..."
        super().__init__(f"reward {self.reward_id!r} {self.reason}; the text was {shown!r}")

    def __reduce__(self) -> tuple[type[RewardError], tuple[str, str | None, str]]:
        return type(self), (self.reward_id, self.text, self.reason)
