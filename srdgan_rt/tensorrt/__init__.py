"""TensorRT engines: building them without a GPU, keeping them, and running tiles through them."""
