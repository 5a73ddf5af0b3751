"""Drawing hands over images."""
