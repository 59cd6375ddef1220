"""The rewards that come with the package, one file for each.

The file's name is the reward's id. The file holds a function of that name, or a class in capitals:
`exact_match.py` holds `exact_match`, `length_penalty.py` holds `LengthPenalty`.
"""
