"""Figures from run directories, and the page of cells."""
