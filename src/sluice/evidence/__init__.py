"""Signed statements about runs, verdicts and acceptances, on an append-only branch, verifiable without a network."""
