"""The environments."""

WAIT = -1
"""The action of a row that is over and stands idle, in a vector environment whose autoreset is DISABLED."""
