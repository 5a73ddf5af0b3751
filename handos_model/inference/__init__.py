"""From an image to hands: engines, pre- and post-processing, camera geometry, pipeline."""
