import pytest
from forked_commands import serving

from llm_benchmarks.records.store import RecordStore


@pytest.fixture
def store(tmp_path):
    return RecordStore(tmp_path / "store")


@pytest.fixture(scope="session")
def served():
    """The process that forks commands."""
    with serving() as process:
        yield process
