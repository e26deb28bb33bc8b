"""Photos: reading, writing, EXIF, orientation, 16 bit."""
