"""Cost of TokenDQN's updates, rollouts and replay, as ratios to other work.

Updates are compared with a supervised step and SB3's DQN, rollouts with transformers' `generate`, and replay
with SB3's buffer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from llm_benchmarks.throughput.comparison_line import ROUNDS, Comparison, Work, in_turn
from llm_benchmarks.throughput.works import (
    dqn_update,
    generate_work,
    random_trajectories,
    rollout_work,
    seconds_of,
    supervised_step,
)

VOCABULARY, PROMPT, ANSWER, EPISODES = 2198, 16, 96, 32
MODEL, TRAINED = "tiny", "mini"
TITLE = (
    f"model {MODEL!r}, V = {VOCABULARY:,}, {EPISODES} texts of {PROMPT} + {ANSWER} tokens, "
    f"{{threads}} thread(s); medians of {ROUNDS} rounds"
)


def measure() -> list[Comparison]:
    """Returns the comparisons of learners."""
    return [*_updates(), *_rollouts(), _training(), _replay()]


def _updates() -> list[Comparison]:
    from llm_baselines.algorithms.token_dqn.group import GroupObjective
    from llm_baselines.algorithms.token_dqn.head import HeadObjective
    from llm_baselines.algorithms.token_dqn.head_network import HeadConfig
    from llm_baselines.algorithms.token_dqn.logits_network import LogitsConfig, LogitsNetwork, ValueNetwork
    from llm_baselines.algorithms.token_dqn.value import ValueObjective
    from llm_baselines.lm.build import build_language_model
    from llm_baselines.play.trajectory import collate

    def model() -> Any:
        return build_language_model(MODEL, vocabulary_size=VOCABULARY, context_length=PROMPT + ANSWER)

    batch = collate(random_trajectories(EPISODES, PROMPT, ANSWER, VOCABULARY))
    supervised = supervised_step(model(), batch)
    options = LogitsConfig()
    group = GroupObjective(LogitsNetwork(model(), model(), options), options, by_token=False)
    value = ValueObjective(ValueNetwork(model(), model(), options), options)
    head = HeadObjective(model(), model, HeadConfig(double=False), from_prior=False, allowed=None)
    against = "a supervised step on the same batch"
    update_head = seconds_of(dqn_update(head, batch))
    return [
        *(
            in_turn(
                f"TokenDQN update, q='logits', baseline={name!r}",
                seconds_of(dqn_update(objective, batch)),
                against,
                seconds_of(supervised),
                unit="s",
            )
            for name, objective in (("group", group), ("value", value))
        ),
        in_turn(
            "TokenDQN update, q='head', full target pass",
            update_head,
            against,
            seconds_of(supervised),
            unit="s",
        ),
        in_turn(
            "TokenDQN update, q='head', per transition",
            lambda: update_head() / (EPISODES * ANSWER),
            "SB3's DQN update with the same body, per transition",
            _sb3_update(),
            unit="s",
        ),
    ]


def _sb3_update() -> Work:
    """Returns a work that gives seconds per transition of an SB3 DQN update, for a body of the same size."""
    import gymnasium as gym
    from stable_baselines3 import DQN
    from stable_baselines3.common.logger import Logger

    from llm_baselines.algorithms.sb3.features_extractor import TokenFeaturesExtractor
    from llm_baselines.algorithms.sb3.policies import TokenDQNPolicy
    from llm_baselines.lm.build import PRESETS

    class Texts(gym.Env[np.ndarray, int]):
        observation_space = gym.spaces.Box(-1, VOCABULARY - 1, (PROMPT + ANSWER,), np.int32)
        action_space = gym.spaces.Discrete(VOCABULARY)  # type: ignore[assignment]

        def reset(self, **_: Any) -> tuple[np.ndarray, dict[str, Any]]:
            return self.observation_space.sample(), {}

        def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
            return self.observation_space.sample(), 0.0, False, False, {}

    size = PRESETS[MODEL]
    extractor = {
        "body": "llama",
        "embedding_dim": size["hidden_size"],
        "layers": size["num_hidden_layers"],
        "heads": size["num_attention_heads"],
        "pointer": False,
    }
    model = DQN(
        TokenDQNPolicy,
        Texts(),
        buffer_size=256,
        learning_starts=64,
        batch_size=EPISODES,
        policy_kwargs={
            "features_extractor_class": TokenFeaturesExtractor,
            "features_extractor_kwargs": extractor,
        },
        seed=0,
    )
    model.set_logger(Logger(folder=None, output_formats=[]))
    model.learn(64)
    return lambda: seconds_of(lambda: model.train(1, EPISODES))() / EPISODES


def _rollouts() -> list[Comparison]:
    """Compares sampled rollouts, including the reference model's pass, with `generate`, which has none.

    Texts of different lengths are measured too: rollouts drop a finished row, `generate` computes it until
    the last row ends.
    """
    from llm_baselines.lm.build import build_language_model

    rng = np.random.default_rng(0)
    prompts = rng.integers(VOCABULARY, size=(EPISODES, PROMPT))
    lm, reference = (
        build_language_model(MODEL, vocabulary_size=VOCABULARY, context_length=PROMPT + ANSWER, seed=seed)
        for seed in range(2)
    )
    lines = []
    for what, lengths in (
        ("texts of equal length", np.full(EPISODES, ANSWER)),
        (f"texts of 8 to {ANSWER} tokens", rng.integers(8, ANSWER + 1, size=EPISODES)),
    ):
        lines.append(
            in_turn(
                f"rollouts with the reference's pass, {what}",
                rollout_work(lm, reference, prompts, lengths),
                "transformers' generate, sampling, no reference",
                generate_work(lm, prompts, lengths),
                unit="tokens/s",
            )
        )
    return lines


def _training() -> Comparison:
    """Compares whole rounds of training with what any learner does: `generate` and supervised steps."""
    import gymnasium as gym

    from llm_benchmarks.throughput import end_to_end

    env = gym.make("llm_envs:Translation-v0")
    name = f"TokenDQN's training on Translation-v0, model {TRAINED!r}, a round"
    return end_to_end.measure(name, env, {"model": TRAINED, "supervised": end_to_end.WARM_START})


def _replay() -> Comparison:
    """Compares bytes per transition, for texts of 32 prompt and 32 answer tokens."""
    import gymnasium as gym
    from stable_baselines3.common.buffers import ReplayBuffer

    from llm_baselines.algorithms.token_dqn.episode_replay import EpisodeReplay
    from llm_baselines.play.trajectory import Trajectory

    replay, rng = EpisodeReplay(1_000_000), np.random.default_rng(0)
    numbers = np.zeros(32, np.float32)
    replay.add(
        Trajectory(
            rng.integers(VOCABULARY, size=64).astype(np.int32),
            np.arange(32, 64, dtype=np.int32),
            numbers,
            numbers,
            numbers,
        )
        for _ in range(5000)
    )
    memory = replay.memory()
    ours = memory.allocated / memory.transitions
    observation = gym.spaces.Box(-1, VOCABULARY - 1, (64,), np.int32)
    buffer = ReplayBuffer(1000, observation, gym.spaces.Discrete(VOCABULARY), device="cpu")
    arrays = (buffer.observations, buffer.next_observations, buffer.actions, buffer.rewards, buffer.dones)
    theirs = sum(array.nbytes for array in arrays) / 1000
    return Comparison(
        "EpisodeReplay, allocated, 32 + 32 tokens",
        ours,
        "SB3's ReplayBuffer",
        theirs,
        ours / theirs,
        ours / theirs,
        ours / theirs,
        unit="bytes/transition",
    )
