"""The zoo: registry, checkpoints, export."""
