"""Photos with their classes."""
