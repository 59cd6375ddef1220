"""Parallel corpora written by grammars: one engine, and one folder for each language pair."""
