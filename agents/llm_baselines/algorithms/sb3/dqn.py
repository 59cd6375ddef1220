"""SB3DQN: Stable-Baselines3's stock DQN (Mnih et al. 2015) on tokens. The generic baseline."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy

from llm_baselines.agent import TokenValues
from llm_baselines.algorithms.sb3.checkpoint import cut_episodes
from llm_baselines.algorithms.sb3.policies import TokenDQNPolicy
from llm_baselines.algorithms.sb3.sb3_agent import SB3Agent
from llm_baselines.algorithms.sb3.settings import DQNConfig
from llm_baselines.algorithms.sb3.vec_env import SB3TokenVecEnv
from llm_baselines.anchors.reference import ReferenceAgent


class SB3DQN(SB3Agent):
    """`stable_baselines3.DQN`, unchanged, with a network that reads tokens.

    While it trains, Stable-Baselines3's DQN draws one number for all environments: with probability epsilon
    a step is random in every row. `predict` with deterministic=False draws a number for each row, and uses
    the final epsilon.
    """

    name = "sb3_dqn"
    config_class = DQNConfig

    def _make_policy(self) -> BasePolicy:
        policy = TokenDQNPolicy(*self._spaces(), self._learning_rate(), **self._policy_kwargs())
        return policy.to(self.device)

    def make_model(self, venv: SB3TokenVecEnv) -> DQN:
        """Returns a new `stable_baselines3.DQN`."""
        c = self.config
        return DQN(
            TokenDQNPolicy,
            venv,
            learning_rate=self._learning_rate(),
            buffer_size=c.buffer_size,
            learning_starts=c.learning_starts,
            batch_size=c.batch_size,
            tau=c.tau,
            gamma=c.gamma,
            train_freq=c.train_freq,
            gradient_steps=c.gradient_steps,
            n_steps=c.n_steps,
            target_update_interval=max(c.target_update_interval, c.n_envs),
            exploration_fraction=c.exploration_fraction,
            exploration_initial_eps=c.exploration_initial_eps,
            exploration_final_eps=c.exploration_final_eps,
            max_grad_norm=c.max_grad_norm,
            policy_kwargs=self._policy_kwargs(),
            seed=self.seed,
            device=self.device,
        )

    def _outputs(self, observation: torch.Tensor) -> list[torch.Tensor]:
        assert isinstance(self.policy, TokenDQNPolicy)
        return [self.policy.q_net(observation)]

    def _values_of(self, outputs: list[torch.Tensor], taken: torch.Tensor) -> TokenValues:
        (q,) = outputs
        return TokenValues(q=q.gather(1, taken)[:, 0].cpu().numpy(), v=q.max(dim=1).values.cpu().numpy())

    def prepare(self, model: BaseAlgorithm) -> None:
        """Fills the replay buffer with episodes of the reference agent, as many as `demonstrations` says."""
        assert isinstance(model, DQN)
        episodes = self.config.demonstrations
        if not episodes:
            return
        venv = SB3TokenVecEnv(self.vector_env(training=True))
        expert = ReferenceAgent(self._env, self.seed)
        examples = venv.venv.unwrapped.task.examples  # type: ignore[attr-defined]
        venv.seed(self.seed)
        observation = np.asarray(venv.reset())
        state, dones, played = None, np.ones(venv.num_envs, dtype=bool), 0
        while played < episodes:
            begun = np.flatnonzero(dones).tolist()
            begun_examples = [examples[venv.reset_infos[row]["example"]] for row in begun]
            state = expert.begin_episodes(begun, begun_examples, state)
            actions, state = expert.predict(observation, state, dones)
            following, rewards, dones, infos = venv.step(actions)
            reached = np.array(following)
            for row in np.flatnonzero(dones):
                reached[row] = infos[row]["terminal_observation"]
            assert model.replay_buffer is not None
            model.replay_buffer.add(observation, reached, actions, rewards, dones, infos)
            observation, played = np.asarray(following), played + int(dones.sum())
        cut_episodes(model)
        venv.close()

    def predict(
        self,
        observation: np.ndarray,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Actions int64 (n,) for observations int32 (n, context_length)."""
        actions, state = super().predict(observation, state, episode_start, True)
        if not deterministic:
            n = int(self._spaces()[1].n)
            explore = self._exploration.random(actions.shape) < self.config.exploration_final_eps
            actions = np.where(explore, self._exploration.integers(n, size=actions.shape), actions)
        return actions, state
