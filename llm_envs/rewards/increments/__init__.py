"""Increments: rewards that are updated token by token, equal to the score of every prefix from scratch."""
