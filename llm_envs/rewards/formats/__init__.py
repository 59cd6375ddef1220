"""Formats that a text can be asked to have: a pattern, JSON, verse, a script."""
