"""``srdgan-rt engine``: TensorRT engines and the folder that keeps them; one file a subcommand."""
