"""A module that needs more memory than a worker is given."""

HELD = bytearray(300_000_000)
