"""Beautiful, physically right shallow depth of field from any photo."""

__version__ = "0.1.0"
