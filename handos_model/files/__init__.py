"""Safe file access: atomic writes, image files, and pickles read without executing them."""
