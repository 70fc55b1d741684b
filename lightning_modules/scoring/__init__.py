"""Trained networks on test examples: what they say, how likely they find what is right, and the record of it."""
