"""Releases: the lock of what an environment runs, the bundle that it mounts, and the evidence that allows it."""
