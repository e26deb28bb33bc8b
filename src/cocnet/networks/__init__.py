"""Networks: one file = one paper; tensors in, tensors out, no files."""
