"""Recipes: how each network is trained."""
