"""PNG files: chunks, pixels, texts, colour chunks, metadata."""
