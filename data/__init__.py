"""What the model reads: text in, named tensors out. Imports nothing of the other rooms."""
