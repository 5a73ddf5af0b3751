"""From annotated images to weights: batches, matching, losses, training loop, checkpoints."""
