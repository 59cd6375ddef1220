"""Users to talk to: simulated partners of the dialogue environments."""
