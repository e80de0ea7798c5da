# SPDX-License-Identifier: Apache-2.0
"""One shim and one driver for all fault loops."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import Tools  # noqa: E402


@pytest.fixture(scope="session")
def tools():
    t = Tools()
    yield t
    t.close()
