"""Folders of photos, each as `cocnet render` renders it."""
