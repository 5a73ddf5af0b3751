"""Where the hands can be seen while they are found: Rerun, Foxglove."""
