"""Cells, encodings, limits, faults and the SQL that reads a landed file."""
