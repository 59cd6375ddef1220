"""Texts that other Python packages carry: dialogues, translations of user interfaces, code tasks."""
