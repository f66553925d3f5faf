"""Intervals, paired tests, looks and power: pure functions of numbers, on the standard library alone."""
