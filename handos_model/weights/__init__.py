"""The network that is shipped, and its model card."""
