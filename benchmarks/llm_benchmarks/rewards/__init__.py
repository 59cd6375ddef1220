"""Audits of rewards: the scores of texts without skill."""
