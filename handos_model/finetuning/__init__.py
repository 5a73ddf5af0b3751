"""Fine-tuning on a user's own images: labels, what is held back, training, and the comparison before and after."""
