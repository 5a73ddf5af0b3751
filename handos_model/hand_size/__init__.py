"""The size of an operator's hands: learned once, kept in a file, applied to every later hand."""
