"""What experiments share that find what is not normal, in the order of its use.

tables     which series there are, and how they are parted
detector   the network, what it reads and learns
watching   rows that arrive, and how unusual each is
alarms     which scores are alarms, and what a detector is worth
lines      what is said of rows, as a table
streaming  the same, row by row
"""
