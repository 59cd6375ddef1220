"""Whether a text reads the same backwards."""

from __future__ import annotations

from llm_envs.episode import Episode


def palindrome(episode: Episode) -> float:
    """Returns 1.0 if the letters read the same backwards, else 0.0."""
    letters = [letter.lower() for letter in episode.text if letter.isalpha()]
    return float(letters == letters[::-1])
