"""EXIF, XMP and IPTC: parsing, editing, and updating after the pixels were turned or enlarged."""
