"""llm-envs: Gymnasium environments for language models, where one action is one token.

import gymnasium as gym, llm_envs
env = gym.make("TextGen-v0")
"""

from llm_envs.envs import WAIT
from llm_envs.episode import Episode, Example, Turn
from llm_envs.evaluation import EpisodeRow, EvaluationResult, evaluate
from llm_envs.foreign import allowing_code
from llm_envs.registration import list_envs, register_env, vectorize
from llm_envs.registration import register_envs as _register_envs
from llm_envs.rewards import list_rewards, make_reward, register_reward

__version__ = "0.1.0"
__all__ = [
    "WAIT",
    "Episode",
    "EpisodeRow",
    "EvaluationResult",
    "Example",
    "Turn",
    "allowing_code",
    "evaluate",
    "list_envs",
    "list_rewards",
    "make_reward",
    "register_env",
    "register_reward",
    "vectorize",
]

_register_envs()
