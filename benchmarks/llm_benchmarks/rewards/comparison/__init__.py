"""Compares reward designs: the same agent trained on each, and every text scored by every reward."""
