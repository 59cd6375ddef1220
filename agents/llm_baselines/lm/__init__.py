"""From a name to a causal language model that acts and can learn."""
