"""The environments."""

WAIT = -1
"""The action of a row that is over, in a vector environment whose autoreset mode is DISABLED."""
