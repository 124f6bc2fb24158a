"""Figures from run directories."""
