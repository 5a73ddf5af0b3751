"""Offline derivation of the 778-vertex mesh from the full-resolution hand; the network does not need it."""
