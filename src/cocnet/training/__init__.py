"""Training: losses, loops, recipes. Data comes in as a call; no room knows where it is from."""
