"""Refinement: edges of depth laid along the photo's."""
