"""Training images rendered from a public-domain hand."""
