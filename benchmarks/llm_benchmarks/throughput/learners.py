"""What TokenDQN's updates, rollouts and replay cost, beside a supervised step, `generate` and SB3's own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from llm_benchmarks.throughput.comparison_line import ROUNDS, Comparison, Work, in_turn
from llm_envs.envs.task import Task

VOCABULARY, PROMPT, ANSWER, EPISODES = 2198, 16, 96, 32
MODEL = "tiny"
TITLE = (
    f"model {MODEL!r}, V = {VOCABULARY:,}, {EPISODES} texts of {PROMPT} + {ANSWER} tokens, "
    f"{{threads}} thread(s); {ROUNDS} rounds in turn, medians"
)


def measure() -> list[Comparison]:
    """Every comparison of the report."""
    return [*_updates(), *_rollouts(), _replay()]


def seconds_of(step: Callable[[], Any]) -> Work:
    """Times a step."""

    def work() -> float:
        started = time.perf_counter()
        step()
        return time.perf_counter() - started

    return work


def texts(episodes: int, prompt: int, answer: int, vocabulary: int) -> list[Any]:
    """Episodes of random tokens, all of full length."""
    from llm_baselines.play.trajectory import Trajectory

    rng, length = np.random.default_rng(0), prompt + answer
    nothing = np.zeros(answer, np.float32)
    return [
        Trajectory(
            rng.integers(vocabulary, size=length).astype(np.int32),
            np.arange(prompt, length, dtype=np.int32),
            rng.random(answer).astype(np.float32),
            nothing,
            nothing,
        )
        for _ in range(episodes)
    ]


def updates(network: Any, batch: Any) -> Callable[[], None]:
    """An update of a network towards its targets on a batch, target network included."""
    groups = [{"params": group["params"]} for group in network.parameter_groups()]
    optimizer = torch.optim.AdamW(groups, lr=1e-6)

    def update() -> None:
        predicted = network.predict(batch)
        loss, _ = network.loss(batch, predicted, network.targets(batch, predicted))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        network.refresh_target(0.05)

    return update


def supervised_steps(lm: Any, batch: Any) -> Callable[[], None]:
    """A step of maximum likelihood on a batch, of everything that is trained."""
    from llm_baselines.lm.teacher_forcing import token_losses

    optimizer = torch.optim.AdamW([p for p in lm.parameters() if p.requires_grad], lr=1e-6)

    def step() -> None:
        token_losses(lm, batch, 0.0)[0].backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def _updates() -> list[Comparison]:
    from llm_baselines.algorithms.token_dqn.head_network import HeadConfig, HeadNetwork
    from llm_baselines.algorithms.token_dqn.logits_network import LogitsConfig, LogitsNetwork
    from llm_baselines.lm.build import build_language_model
    from llm_baselines.play.trajectory import collate

    def model() -> Any:
        return build_language_model(MODEL, vocabulary_size=VOCABULARY, context_length=PROMPT + ANSWER)

    batch = collate(texts(EPISODES, PROMPT, ANSWER, VOCABULARY))
    supervised = supervised_steps(model(), batch)
    logits = LogitsNetwork(model(), model(), LogitsConfig())
    head = HeadNetwork(model(), None, HeadConfig(double=False), from_prior=False)
    against = "a supervised step on the same batch"
    update_head = seconds_of(updates(head, batch))
    return [
        in_turn(
            "TokenDQN update, q='logits'",
            seconds_of(updates(logits, batch)),
            against,
            seconds_of(supervised),
            unit="s",
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
    """Seconds for each transition of an update of Stable-Baselines3's DQN, with a body of the same size."""
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
    """Tokens per second of sampled rollouts, the reference's pass included, beside `generate` without one.

    Texts of equal length, and texts that end where they end: `generate` computes rows until the last has
    ended, rollouts drop them.
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
                played(lm, reference, prompts, lengths),
                "transformers' generate, sampling, no reference",
                generated(lm, prompts, lengths),
                unit="tokens/s",
            )
        )
    return lines


def played(lm: Any, reference: Any, prompts: np.ndarray, lengths: np.ndarray) -> Work:
    """Tokens per second of rollouts with the reference's pass: prompts (n, p), texts of lengths (n,)."""
    from llm_baselines.lm.teacher_forcing import with_reference
    from llm_baselines.play.exploration import draw
    from llm_baselines.play.rollout import play_episodes
    from llm_envs.lm.reader import Reader

    class Sampler:
        def __init__(self) -> None:
            self.reader = Reader(lm)

        def act(self, observation: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
            scores = lm.log_probs(self.reader.read(observation))
            actions = draw(scores.exp(), rng.random(len(observation)))
            return actions, scores.gather(1, torch.as_tensor(actions)[:, None])[:, 0].numpy()

        def keep(self, rows: np.ndarray) -> None:
            self.reader.keep(rows)

    def work() -> float:
        started = time.perf_counter()
        with torch.no_grad():
            played = play_episodes(
                _KnownLengths(prompts, lengths),
                Sampler(),
                seeds=[0] * len(prompts),
                examples=None,
                vocabulary_size=lm.vocabulary_size,
                rng=np.random.default_rng(0),
            )
            with_reference(reference, played, 4096)
        return sum(map(len, played)) / (time.perf_counter() - started)

    return work


def generated(lm: Any, prompts: np.ndarray, lengths: np.ndarray) -> Work:
    """Tokens per second of `generate`, sampling; it computes all rows until the last has its length."""
    from transformers import StoppingCriteria, StoppingCriteriaList

    class Ends(StoppingCriteria):
        def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
            return torch.as_tensor(input_ids.shape[1] - prompts.shape[1] >= lengths)

    inputs = torch.as_tensor(prompts)

    def work() -> float:
        started = time.perf_counter()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            lm.model.generate(
                input_ids=inputs,
                attention_mask=torch.ones_like(inputs),
                do_sample=True,
                top_k=0,
                max_new_tokens=int(lengths.max()),
                pad_token_id=0,
                eos_token_id=None,
                stopping_criteria=StoppingCriteriaList([Ends()]),
            )
        return float(lengths.sum() / (time.perf_counter() - started))

    return work


class _KnownLengths:
    """Rows that end after given numbers of tokens, so that both sides write the same texts' worth."""

    refills = False
    task: Task | None = None

    def __init__(self, prompts: np.ndarray, lengths: np.ndarray) -> None:
        self.num_envs = len(prompts)
        self._prompts = prompts
        self._ends = prompts.shape[1] + lengths

    def reset(self, seeds: Any, examples: Any) -> np.ndarray:
        rows, self._column = self._prompts.shape
        self._tokens = np.full((rows, self._ends.max()), -1, np.int32)
        self._tokens[:, : self._column] = self._prompts
        return self._tokens.copy()

    def refill(self, row: int, seed: int, example: int | None) -> np.ndarray:
        raise NotImplementedError

    def step(
        self, rows: np.ndarray, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        self._tokens[rows, self._column] = actions
        self._column += 1
        over = self._column >= self._ends[rows]
        return self._tokens[rows].copy(), np.zeros(len(rows)), over, np.zeros(len(rows), bool)

    def close(self) -> None:
        """Nothing to close."""


def _replay() -> Comparison:
    """Bytes for each transition of texts with 32 tokens of prompt and 32 of answer."""
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
