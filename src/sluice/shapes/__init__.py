"""Shapes of what must stay private, in raw bytes: credentials and personal data; offsets and kinds, never the find."""

from sluice.shapes.credentials import SECRETS, find_secrets
from sluice.shapes.personal import PERSONAL_DATA, find_personal_data
from sluice.shapes.sieve import Sieve

__all__ = ["PERSONAL_DATA", "SECRETS", "Sieve", "find_personal_data", "find_secrets"]
