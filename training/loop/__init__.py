"""The training loop that all stages share: trainer, engine, checkpoints, log."""
