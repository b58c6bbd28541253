"""JPEG files: parsing, strict decoding, encoding, metadata."""
