"""Comparison x policy -> `Verdict`: bounds, looks, floors, must-pass (GATE.md is exact about all of it)."""
