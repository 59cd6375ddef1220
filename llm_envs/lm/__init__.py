"""Reading with a language model: model, cached reader, scores of actions, candidates. Torch is inside."""
