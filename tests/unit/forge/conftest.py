"""The fake forge for the tests of this room."""

from servers.github_fixtures import server, start_forge  # noqa: F401 - fixtures are used by name
