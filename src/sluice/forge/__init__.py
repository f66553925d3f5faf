"""GitHub-compatible APIs: what they are asked and told. What comes back is hostile until it is typed."""
