"""The pages of docs/reference that are generated, each from what it describes."""
