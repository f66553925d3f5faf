"""Sluice: judge changes of prompts, datasets and models by paired evals, and roll out exactly what was judged."""

__version__ = "0.1.0"
