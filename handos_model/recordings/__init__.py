"""Reading images, folders, videos and cameras; writing hands as JSON lines and overlays."""
