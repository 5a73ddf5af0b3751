"""The topics: their names and quality of service, how nodes connect to them, and what gets lost on the way."""
