"""The hand itself: skeleton, topology, handedness, mirroring."""
