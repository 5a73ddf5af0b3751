"""What the user can set: how parameters are described and kept up to date, and those of the node `handos`."""
