"""Checks of arguments: their types, optional libraries, and how errors show a value."""
