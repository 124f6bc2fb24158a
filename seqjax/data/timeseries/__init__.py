"""Regular series: their files, clock, gaps, scale and windows."""
