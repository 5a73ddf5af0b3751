"""What comes with an image: its pixels, its intrinsics and its depth."""
