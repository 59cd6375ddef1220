"""What callbacks have counted goes through a checkpoint; their options are those of the callbacks at hand."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from stable_baselines3.common.callbacks import (
    BaseCallback,
    CallbackList,
    CheckpointCallback,
    EvalCallback,
    StopTrainingOnNoModelImprovement,
)
from stable_baselines3.common.monitor import Monitor
from tiny_agents import make
from token_worlds import World

from llm_baselines.storage.sealed_folder import AgentFolderError
from llm_baselines.training.callback_counters import CallbackCounters


def through_json(counters):
    return json.loads(json.dumps(counters.changed()))


def test_counters_come_back_and_options_stay():
    def made(patience, eval_freq):
        stop = StopTrainingOnNoModelImprovement(patience)
        evaluation = EvalCallback(Monitor(World()), callback_after_eval=stop, eval_freq=eval_freq)
        return CallbackList([evaluation])

    first, second = made(3, 10), made(5, 20)
    before, after = CallbackCounters(first), CallbackCounters(second)
    first.n_calls = 12
    evaluation = first.callbacks[0]
    assert evaluation.best_mean_reward == -np.inf
    evaluation.last_mean_reward, evaluation.evaluations_results = np.float64(0.5), [[1.0, 2.0]]
    evaluation.callback.no_improvement_evals = 2
    after.restore(through_json(before))
    again = second.callbacks[0]
    assert (second.n_calls, again.last_mean_reward, again.best_mean_reward) == (12, 0.5, -np.inf)
    assert again.evaluations_results == [[1.0, 2.0]]
    assert again.callback.no_improvement_evals == 2
    assert (again.eval_freq, again.callback.max_no_improvement_evals) == (20, 5)
    assert through_json(after)["counters"][1]["last_mean_reward"] == 0.5  # what came back is kept again


def test_what_came_back_twice_is_kept_again():
    callback, fresh = Counts(), Counts()
    before = CallbackCounters(callback)
    callback.n_calls = 5
    kept = through_json(before)
    again = CallbackCounters(callback)  # another call of learn with the same callback
    assert through_json(again) == kept
    again.restore(kept)
    assert through_json(again) == kept
    CallbackCounters(fresh).restore(through_json(again))
    assert fresh.n_calls == 5


@dataclass
class Compared(BaseCallback):
    """As a dataclass it compares by value, and so has no hash."""

    limit: int = 3

    def __post_init__(self):
        super().__init__()

    def _on_step(self):
        return self.n_calls < self.limit


def test_callbacks_without_a_hash_count_too():
    counters = CallbackCounters(callback := Compared())
    callback.n_calls = 2
    assert through_json(counters)["counters"] == [{"n_calls": 2}]


class Counts(BaseCallback):
    """Counts in containers of many kinds."""

    def __init__(self):
        super().__init__()
        self.sums, self.seen, self.pair = np.zeros((2, 2)), {}, (0, -np.inf)

    def _on_step(self):
        self.sums += 1
        self.seen[self.n_calls] = [1.5]
        self.pair = (self.n_calls, np.inf)
        return True


def test_arrays_mappings_and_tuples_stay_what_they_are():
    first, second = Counts(), Counts()
    before, after = CallbackCounters(first), CallbackCounters(second)
    for first.n_calls in (1, 2):
        first._on_step()
    after.restore(through_json(before))
    assert np.array_equal(second.sums, np.full((2, 2), 2.0))
    assert second.sums.dtype == np.float64
    assert second.seen == {1: [1.5], 2: [1.5]}
    assert second.pair == (2, np.inf)
    assert (first.seen, first.pair) == (second.seen, second.pair)


def test_other_callbacks_begin_anew_with_a_warning():
    before, after = CallbackCounters(Counts()), CallbackCounters(CallbackList([Counts()]))
    with pytest.warns(UserWarning, match=r"with the callbacks Counts, and this run has CallbackList, Counts"):
        after.restore(through_json(before))


def test_a_resumed_run_saves_where_it_is_told_to(tmp_path):
    def run(total, callback, **how):
        agent = make("logits", warm_start=False, eval_freq=0)
        return agent.learn(total, run_folder=tmp_path / "run", callback=callback, **how)

    run(60, CheckpointCallback(save_freq=1000, save_path=tmp_path / "old"))
    again = CheckpointCallback(save_freq=2, save_path=tmp_path / "new")
    with pytest.warns(UserWarning, match="was on its way to 60 steps"):
        run(120, again, resume=True)
    assert (again.save_freq, again.save_path) == (2, tmp_path / "new")
    assert any((tmp_path / "new").iterdir())


def test_a_file_sets_counters_and_nothing_else():
    callback = Counts()
    kept = {
        "kinds": ["Counts"],
        "counters": [{"_on_step": "x", "model": "y", "__class__": "z", "n_calls": 7}],
    }
    CallbackCounters(callback).restore(kept)
    assert (callback.n_calls, hasattr(callback, "model"), type(callback)) == (7, False, Counts)
    assert callback._on_step() is True


@pytest.mark.parametrize(
    "counters", ["x", ["x"], [{"a": {"odd": []}}], [{"a": {"array": [1], "dtype": "f8", "shape": [2]}}], None]
)
def test_damaged_counters_are_refused(counters):
    with pytest.raises(AgentFolderError, match="counters of callbacks are damaged"):
        CallbackCounters(Counts()).restore({"kinds": ["Counts"], "counters": counters})
