"""Robustness: what bokeh, natural or adversarial, does to classifiers; Tables II and III."""
