"""Depth that a photo brings along: Apple, Android, XMP."""
