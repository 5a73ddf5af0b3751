"""Makes the assets that the renderer reads: a hand and a person of MakeHuman, and their skins."""
