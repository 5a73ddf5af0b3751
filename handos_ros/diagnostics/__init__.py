"""What the user learns about a node: counts, statuses for /diagnostics, and its log."""
