"""Files: atomic writes, run folders, cached results, downloads."""
