"""Training samples, in tensors: each kind is one class with a line in ``training/samples/kinds.py``."""
