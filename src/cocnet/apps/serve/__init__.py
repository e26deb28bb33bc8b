"""A local page for focus and aperture: `cocnet serve`."""
