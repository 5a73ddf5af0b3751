"""What goes in and out: frames, videos, folders, annotations, results, pictures."""
