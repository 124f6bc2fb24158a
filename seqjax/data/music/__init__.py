"""Pieces as piano rolls: their files, and pieces made on the spot."""
