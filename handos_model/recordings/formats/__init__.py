"""What `handos run` writes beside JSON lines: MCAP, Parquet, meshes, LeRobot data sets."""
