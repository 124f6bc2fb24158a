"""Pictures: their files, as pixels in order or with captions."""
