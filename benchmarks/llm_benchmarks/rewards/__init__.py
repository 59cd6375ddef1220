"""Looking at rewards: what texts without skill earn."""
