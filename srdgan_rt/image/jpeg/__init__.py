"""JPEG: segments and scans, strict decoding, encoding, metadata."""
