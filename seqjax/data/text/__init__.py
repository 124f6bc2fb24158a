"""Words and letters: their files, and texts made on the spot."""
