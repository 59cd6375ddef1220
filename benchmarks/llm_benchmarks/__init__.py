"""The leaderboard: suites, the runner, records of what was achieved, and statistics over them."""
