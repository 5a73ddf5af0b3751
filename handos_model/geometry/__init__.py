"""Camera geometry: intrinsics, projection, lens distortion, translation fit, depth residuals. Arrays in, arrays out."""
