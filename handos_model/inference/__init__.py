"""From an image to hands: preprocessing, backends, postprocessing, tracking."""
