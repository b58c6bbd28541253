"""PNG: chunks, pixels, texts, colour information, metadata."""
