"""Language models as readers: model, cached reader, scorers, candidates. Torch is imported here."""
