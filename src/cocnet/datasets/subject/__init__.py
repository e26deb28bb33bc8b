"""Photos with masks of their subjects."""
