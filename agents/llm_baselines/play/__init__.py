"""From an environment to trajectories: rows side by side, rollouts, transitions, exploration."""
