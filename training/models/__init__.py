"""What is trained beside the nets of ``srdgan_rt``: discriminators, losses, features of VGG, and starting weights."""
