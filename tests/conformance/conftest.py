"""The servers that must behave alike: the contract server always, a real TGI where `SLUICE_TGI_URL` names one."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from servers.fixtures import tgi  # noqa: F401
from servers.target import Target

URL_VARIABLE = "SLUICE_TGI_URL"
KEY_VARIABLE = "SLUICE_API_KEY"
HOW = f"no real TGI here: set {URL_VARIABLE}=http://HOST:PORT (and {KEY_VARIABLE} where it asks for a key) to run this"


@pytest.fixture(params=["contract", "real"])
def target(request, tgi):  # noqa: F811
    if request.param == "contract":
        server = tgi()
        return Target(server.url, None, real=False, contract=server)
    url = os.environ.get(URL_VARIABLE, "").strip().rstrip("/")
    if not url:
        pytest.skip(HOW)
    return Target(url, os.environ.get(KEY_VARIABLE) or None, real=True)
