"""EXIF, XMP and IPTC: parsing, editing, and updating them after the pixels were turned or enlarged."""
