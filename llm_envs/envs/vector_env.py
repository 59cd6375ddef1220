"""TokenVectorEnv: many token environments as arrays, equal token for token to single ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from llm_envs.checks.arguments import at_least_one
from llm_envs.envs import WAIT
from llm_envs.envs.arguments import check_arguments, checked_options, copied
from llm_envs.envs.rendering import check_render_mode, render_html, render_picture, render_session
from llm_envs.envs.row_prefixes import row_prefixes
from llm_envs.envs.session import Session
from llm_envs.envs.shared_tasks import content_hashes, find_again, make_task
from llm_envs.envs.task import Task
from llm_envs.envs.token_env import draw_example
from llm_envs.envs.vector_arguments import (
    as_autoreset_mode,
    checked_actions,
    examples_of_rows,
    reset_mask_of,
    seeds_of_rows,
)
from llm_envs.envs.vector_infos import merge_infos
from llm_envs.episode import Episode, FinishReason, Outcome
from llm_envs.tokenizers import Tokenizer

_MAX_ROWS = 2**16


class TokenVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """`num_envs` token environments that step together.

    Under the same seeds and actions every row gives what a single environment gives. Observations are int32
    (num_envs, context_length), rewards float64 (num_envs,). Texts that end in the same step are scored in
    one batch. Infos follow Gymnasium: the mask `_key` says which rows have a `key`. In SAME_STEP mode
    `final_obs` and `final_info` hold the last observation and info of a finished row.

    Args:
        num_envs: Number of rows.
        autoreset_mode: gymnasium.vector.AutoresetMode or its value: NEXT_STEP (default), SAME_STEP or
            DISABLED. In DISABLED mode, reset(options={"reset_mask": bool (num_envs,)}) resets finished rows.
            Until then they take the action `llm_envs.WAIT` (-1), so rows of different lengths can be played
            to the end together.
        **arguments: As for the single environment.

    Options of `reset`: "example" (an index, or one per row) and "reset_mask".
    """

    task_class: type[Task]
    metadata: dict[str, Any] = {"render_modes": ["ansi", "html", "rgb_array"], "render_fps": 10}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        dataset: str | None = None,
        columns: Mapping[str, str | list[str]] | None = None,
        split: str = "train",
        tokenizer: str | Mapping[str, Any] | Tokenizer | None = None,
        reward: Any = "default",
        metrics: str | Sequence[Any] = (),
        reward_timing: str | Mapping[str, Any] = "terminal",
        max_prompt_tokens: int | None = None,
        max_new_tokens: int | None = None,
        long_prompt: str = "error",
        render_mode: str | None = None,
        **unknown: Any,
    ) -> None:
        arguments = {
            "dataset": dataset,
            "columns": columns,
            "split": split,
            "tokenizer": tokenizer,
            "reward": reward,
            "metrics": metrics,
            "reward_timing": reward_timing,
            "max_prompt_tokens": max_prompt_tokens,
            "max_new_tokens": max_new_tokens,
            "long_prompt": long_prompt,
        }
        check_arguments(self.task_class, arguments, unknown)
        num_envs = at_least_one("num_envs", num_envs, _MAX_ROWS)
        check_render_mode(render_mode, self.metadata["render_modes"])
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.autoreset_mode = as_autoreset_mode(autoreset_mode)
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}
        self._arguments = copied(arguments)
        self.task = make_task(self.task_class, self._arguments)
        size, length = self.task.vocabulary_size, self.task.context_length
        self.single_observation_space = spaces.Box(-1, size - 1, (length,), np.int32)
        self.single_action_space = spaces.Discrete(size)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._sessions = [Session(self.task) for _ in range(num_envs)]
        self._prefixes = row_prefixes(self.task, num_envs)
        self._rngs: list[np.random.Generator | None] = [None] * num_envs
        self._rows = np.arange(num_envs)
        self._tokens = np.full((num_envs, length), -1, np.int32)
        self._columns = np.zeros(num_envs, np.int64)
        self._limits = np.zeros(num_envs, np.int64)
        self._over = np.ones(num_envs, dtype=bool)
        self._any_over = True
        self._begun = False
        self._outcomes: list[Outcome | None] = [None] * num_envs
        self._paid = [list[float]() for _ in range(num_envs)] if render_mode == "html" else None

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer: .encode(text) -> ids, .decode(ids) -> text, .end_token_ids."""
        return self.task.tokenizer

    @property
    def over(self) -> np.ndarray:
        """Which rows have no running episode, bool (num_envs,). These rows may WAIT, or be reset."""
        return self._over.copy()

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Starts episodes in all rows, or in those of options["reset_mask"].

        Args:
            seed: One seed per row, or an integer s for s, s+1, ...
            options: "example" (an index, or one per row), "reset_mask" (bool array (num_envs,)).

        Returns:
            observations int32 (num_envs, context_length), infos.

        Raises:
            ValueError: `options` holds an unknown key, there is not one seed or example per row, or
                "reset_mask" is not a mask of the rows.
            IndexError: The split has no such example. No row can step before another reset.
        """
        options = dict(checked_options(options, ("example", "reset_mask")))
        seeds = seeds_of_rows(seed, self.num_envs)
        mask = reset_mask_of(options, self.num_envs)
        examples = examples_of_rows(options.get("example"), self.num_envs)
        infos: dict[str, Any] = {}
        for row in np.flatnonzero(mask).tolist():
            if seeds[row] is not None:
                self._rngs[row] = seeding.np_random(seeds[row])[0]
        self._begin(mask, infos, examples)
        self._any_over = bool(self._over.any())
        return self._tokens.copy(), infos

    def _begin(self, mask: np.ndarray, infos: dict[str, Any], wanted: Sequence[Any] | None = None) -> None:
        """Starts episodes in the rows of a mask, on the example wanted for each row (None draws one)."""
        (rows,) = mask.nonzero()
        self._begun = False  # until all have begun: after an error no row may step
        self._over[rows] = True
        drawn: list[tuple[int, np.random.Generator, int]] = []
        for row in rows.tolist():
            rng = self._rngs[row]
            if rng is None:
                rng = self._rngs[row] = seeding.np_random(None)[0]
            example = draw_example(self.task, rng, wanted[row] if wanted is not None else None)
            drawn.append((row, rng, example))
        starts, limits = [], []
        begun: dict[int, dict[str, Any]] = {}
        for row, rng, example in drawn:
            session = self._sessions[row]
            self._tokens[row] = session.begin(example, rng)
            starts.append(session.start)
            limits.append(session.limit)
            if self._prefixes is not None:
                self._prefixes.begin(row, session.example)
            begun[row] = session.start_info()
            self._outcomes[row] = None
            if self._paid is not None:
                self._paid[row] = []
        self._columns[rows], self._limits[rows], self._over[rows] = starts, limits, False
        self._begun = True
        merge_infos(infos, begun, mask)

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Appends one token to every row.

        Args:
            actions: Integers (num_envs,), 0 to V-1. In NEXT_STEP mode a row that ended in the previous step
                ignores its action and starts a new episode. In DISABLED mode a row that is over takes WAIT:
                its observation stays, its reward is 0, `terminated` is False and it has no info.

        Returns:
            observations int32 (num_envs, context_length), rewards float64, terminated bool, truncated bool
            (num_envs,), infos.

        Raises:
            gymnasium.error.InvalidAction: An action is not an id of the vocabulary, nor a WAIT of a row that
                is over.
            gymnasium.error.ResetNeeded: Before the first reset. In DISABLED and SAME_STEP mode, if a row that
                is over takes a token, or if every row waits. After a step that raised another error, such as
                a RewardError: it ends the episodes of all rows.
        """
        actions = checked_actions(
            actions,
            self.task.vocabulary_size,
            self._over,
            may_wait=self.autoreset_mode is AutoresetMode.DISABLED,
        )
        if not self._begun:
            raise ResetNeeded("call reset() before step(); a step that raised has ended all episodes")
        if self._any_over and self.autoreset_mode is not AutoresetMode.NEXT_STEP:
            self._check_waiting(actions)
        try:
            return self._step(actions)
        except BaseException:
            self._begun = False  # only some rows may have stepped, so all need a reset
            self._over[:] = self._any_over = True
            raise

    def _step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        infos: dict[str, Any] = {}
        if self._any_over:
            rows, ends = self._step_around_finished(actions, infos)
        else:
            rows = self._rows
            self._tokens[rows, self._columns] = actions
            self._columns += 1
            ends = self.task.is_end[actions]
            ends |= self._columns >= self._limits
        terminated = np.zeros(self.num_envs, dtype=bool)
        if self._prefixes is not None:
            rewards = self._prefixes.pay(actions, None if rows is self._rows else rows)
        else:
            rewards = np.zeros(self.num_envs)
            for row in rows[~ends].tolist() if self.task.timing.needs_prefixes else ():
                rewards[row] = self._sessions[row].pay_prefix(self._tokens[row], int(self._columns[row]))
        stepped, rows = rows, rows[ends]
        if len(rows):
            self._end_turns(rows, actions, rewards, terminated, infos)
        if self._paid is not None:
            same_step = self.autoreset_mode is AutoresetMode.SAME_STEP
            for row in stepped[~(terminated[stepped] & same_step)].tolist():
                self._paid[row].append(float(rewards[row]))
        return self._tokens.copy(), rewards, terminated, np.zeros(self.num_envs, dtype=bool), infos

    def _step_around_finished(
        self, actions: np.ndarray, infos: dict[str, Any]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Steps the running rows; the others start anew or wait.

        Returns the rows stepped, and which of them end.
        """
        over = self._over.copy()
        if self.autoreset_mode is AutoresetMode.NEXT_STEP:
            self._begin(over, infos)
            self._any_over = False
        rows = (~over).nonzero()[0]
        actions, columns = actions[rows], self._columns[rows]
        self._tokens[rows, columns] = actions
        columns += 1
        self._columns[rows] = columns
        return rows, self.task.is_end[actions] | (columns >= self._limits[rows])

    def _check_waiting(self, actions: np.ndarray) -> None:
        """Raises if a row that is over takes a token, or if no row goes on."""
        stepped = np.flatnonzero(self._over & (actions != WAIT)).tolist()
        way_out = "reset them with options={'reset_mask': mask} before step()"
        if stepped:
            if self.autoreset_mode is AutoresetMode.DISABLED:
                way_out += f", or let them wait with the action WAIT ({WAIT})"
            raise ResetNeeded(f"rows {stepped[:8]} are over: {way_out}")
        if self._over.all():
            raise ResetNeeded(f"every row is over and waits: {way_out}")

    def _end_turns(
        self,
        rows: np.ndarray,
        actions: np.ndarray,
        rewards: np.ndarray,
        terminated: np.ndarray,
        infos: dict[str, Any],
    ) -> None:
        """Ends the agent's turn in some rows. Scores the episodes that are over."""
        finished: list[int] = []
        episodes: list[Episode] = []
        columns, stops = self._columns[rows].tolist(), self.task.is_end[actions[rows]].tolist()
        for row, column, stopped in zip(rows.tolist(), columns, stops, strict=True):
            session, tokens = self._sessions[row], self._tokens[row]
            reason: FinishReason | None = session.end_turn(tokens, column, stopped=stopped)
            if reason is None:
                if self.task.timing.needs_prefixes:
                    rewards[row] = session.pay_prefix(tokens, session.start)
                self._columns[row], self._limits[row] = session.start, session.limit
            else:
                finished.append(row)
                episodes.append(session.episode(tokens, column, reason))
        if not finished:
            return
        # Rows are followed all at once in tasks of one turn only, where all of them end here.
        known = None if self._prefixes is None else self._prefixes.finish(rows)
        outcomes = self.task.score(episodes, known)
        scores = [outcome.reward for outcome in outcomes]
        if self._prefixes is not None:
            rewards[finished] = self._prefixes.pay_final(finished, scores)
        else:
            rewards[finished] = [
                self._sessions[row].pay_final(score) for row, score in zip(finished, scores, strict=True)
            ]
        terminated[finished] = True
        final: dict[int, dict[str, Any]] = {}
        for row, outcome in zip(finished, outcomes, strict=True):
            self._outcomes[row] = outcome
            final[row] = {"outcome": outcome.to_info()}
        mask = terminated.copy()
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            lasting = {
                row: {"final_obs": self._tokens[row].copy(), "final_info": info}
                for row, info in final.items()
            }
            merge_infos(infos, lasting, mask)
            self._begin(mask, infos)
        else:
            merge_infos(infos, final, mask)
            self._over |= terminated
            self._any_over = True

    def render(self) -> tuple[str | np.ndarray, ...] | None:
        """Returns each row as text ("ansi"), "html" or a picture ("rgb_array"), like a single environment.

        Raises:
            MissingExtra: Pillow, which draws pictures, is not installed.
        """
        if self.render_mode is None:
            return None
        paid = self._paid
        show: Callable[..., str | np.ndarray]
        show = render_picture if self.render_mode == "rgb_array" else render_session
        return tuple(
            show(*shown) if paid is None else render_html(*shown, paid[row])
            for row, shown in enumerate(
                zip(
                    [self.task] * self.num_envs,
                    self._sessions,
                    self._tokens,
                    self._columns.tolist(),
                    self._outcomes,
                    strict=True,
                )
            )
        )

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Calls a method, or reads an attribute, that all rows share. Returns one result per row."""
        value: Any = getattr(self, name)
        if callable(value):
            value = value(*args, **kwargs)
        return (value,) * self.num_envs

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """Reads an attribute that all rows share. Returns one value per row."""
        return self.call(name)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "task": content_hashes(self.task), "_prefixes": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.task = find_again(self.task_class, self._arguments, state["task"])
        for session in self._sessions:
            session.rebind(self.task)
        self._prefixes = row_prefixes(self.task, self.num_envs)
        if self._prefixes is not None:
            for row in np.flatnonzero(~self._over).tolist():
                session, written = self._sessions[row], self._tokens[row, : self._columns[row]]
                self._prefixes.begin(row, session.example, written[session.start :].tolist())
