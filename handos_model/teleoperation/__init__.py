"""From tracked hands to commands that a robot may follow: whose hand counts, when it counts, how fast things move."""
