"""TIFF: pages, pixels of every colour space, EXIF directories, metadata."""
