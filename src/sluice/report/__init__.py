"""A judgement, told: `terminal`, `markdown` and `json` render the same content and decide nothing."""
