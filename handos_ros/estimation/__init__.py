"""From a camera's images to hands that are published: received, waiting, estimated, in threads of their own."""
