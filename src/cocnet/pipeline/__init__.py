"""The pipeline: a photo and choices in, a bokeh photo out; what the command line, the web and batches share."""
