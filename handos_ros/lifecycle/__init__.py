"""How the programs of this package start, run and end."""
