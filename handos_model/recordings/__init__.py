"""Reading images, folders, videos, bags and cameras; writing hands in many formats, and overlays."""
