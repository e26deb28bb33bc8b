"""Films, each frame as `cocnet render` renders a photo, steady from one to the next."""
