"""Adversarial bokeh: attacks that see only `render(image, depth) → image` and `victim(image) → logits`."""
