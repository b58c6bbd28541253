"""TensorRT engines: building them without a GPU, keeping them, and running tiles through them."""

ENGINE_NAME = "tensorrt"
"""Name of the engine for users."""
