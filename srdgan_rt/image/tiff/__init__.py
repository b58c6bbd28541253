"""TIFF files: pages, pixels of all colour spaces, EXIF directories, metadata."""
