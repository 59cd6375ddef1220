"""The checks of environments."""
