"""Experiments: rooms put together to train, to measure, to compare."""
