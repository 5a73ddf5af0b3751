"""Messages built and read back. Pure functions and templates: nothing is published here."""
