"""SB3PPO: Stable-Baselines3's stock PPO (Schulman et al. 2017) on tokens."""

from __future__ import annotations

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.policies import BasePolicy

from llm_baselines.agent import TokenValues
from llm_baselines.algorithms.sb3.policies import TokenActorCriticPolicy
from llm_baselines.algorithms.sb3.sb3_agent import SB3Agent
from llm_baselines.algorithms.sb3.settings import PPOConfig
from llm_baselines.algorithms.sb3.vec_env import SB3TokenVecEnv


class SB3PPO(SB3Agent):
    """`stable_baselines3.PPO`, unchanged, with a network that reads tokens."""

    name = "sb3_ppo"
    config_class = PPOConfig
    log_interval = 10

    def _make_policy(self) -> BasePolicy:
        policy = TokenActorCriticPolicy(*self._spaces(), self._learning_rate(), **self._policy_kwargs())
        return policy.to(self.device)

    def _outputs(self, observation: torch.Tensor) -> list[torch.Tensor]:
        assert isinstance(self.policy, TokenActorCriticPolicy)
        features = self.policy.extract_features(observation)
        assert isinstance(features, torch.Tensor)  # actor and critic share them
        return [self.policy.action_net(features), self.policy.value_net(features)]

    def _values_of(self, outputs: list[torch.Tensor], taken: torch.Tensor) -> TokenValues:
        logits, values = outputs
        log_probs = torch.log_softmax(logits.float(), dim=1).gather(1, taken)[:, 0]
        return TokenValues(v=values[:, 0].cpu().numpy(), log_prob=log_probs.cpu().numpy())

    def make_model(self, venv: SB3TokenVecEnv) -> PPO:
        """Returns a new `stable_baselines3.PPO`."""
        c = self.config
        return PPO(
            TokenActorCriticPolicy,
            venv,
            learning_rate=self._learning_rate(),
            n_steps=c.n_steps,
            batch_size=c.batch_size,
            n_epochs=c.n_epochs,
            gamma=c.gamma,
            gae_lambda=c.gae_lambda,
            clip_range=c.clip_range,
            ent_coef=c.ent_coef,
            vf_coef=c.vf_coef,
            max_grad_norm=c.max_grad_norm,
            policy_kwargs=self._policy_kwargs(),
            seed=self.seed,
            device=self.device,
        )
