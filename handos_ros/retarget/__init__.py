"""The node `retarget`: the operator's hands in, commands for a robot out."""
