"""Annotated images: readers of published data sets, photographs and rendered images."""
