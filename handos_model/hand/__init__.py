"""The hand: `Hand`, skeleton, frames, mesh topology, handedness, MANO."""
