"""What happens to pictures on their way through a phone, in tensors: whole batches at once, on the CPU and on a GPU."""
