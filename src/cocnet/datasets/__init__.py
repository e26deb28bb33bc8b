"""Datasets: folders in, tensors out; every sample follows from a seed and a number."""
