"""Makes a copy of the template its owner's own: files, signing key, evidence branch, and the forge's settings."""
