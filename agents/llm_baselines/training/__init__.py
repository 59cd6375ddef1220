"""One run of learning: rounds, evaluation, checkpoints, the report, callbacks."""
