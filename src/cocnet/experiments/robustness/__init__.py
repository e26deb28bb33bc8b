"""How robust classifiers are to bokeh, natural and adversarial: methods by name, a run that goes on, its report."""
