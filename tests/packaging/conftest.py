"""Every test of this folder builds and installs: it carries the marker `package`."""

from __future__ import annotations

import pytest
from clean_environments import Builder


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    return Builder(tmp_path_factory.mktemp("package"))
