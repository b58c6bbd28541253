"""A phone's image processing for batches of tensors, on the CPU and on a GPU."""
