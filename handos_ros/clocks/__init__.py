"""Time: what the stamps of messages say, when images were taken, and when they were received."""
