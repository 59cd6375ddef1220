"""The folder is on the path: what the tests of agents share is in token_worlds.py."""
