"""The learners: TokenDQN, RLOO, supervised learning, and the agents of Stable-Baselines3."""
