"""Settings for every test: no deadlines (machines are shared), and nothing of a person's environment."""

import os

from hypothesis import settings

settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

for name in [name for name in os.environ if name.startswith(("SLUICE_ENDPOINT", "SLUICE_API_KEY", "SLUICE_ENGINE"))]:
    del os.environ[name]
