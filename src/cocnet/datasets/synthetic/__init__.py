"""Scenes composed of photos, with exact truth."""
