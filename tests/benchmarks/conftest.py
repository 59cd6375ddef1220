import pytest

from llm_benchmarks.store import RecordStore


@pytest.fixture
def store(tmp_path):
    return RecordStore(tmp_path / "store")
