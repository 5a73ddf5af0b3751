"""From annotated images to weights: batches, assignment, losses, loops, checkpoints."""
