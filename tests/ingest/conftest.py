import pytest

from ingest.decode import Decoder
from tests.ingest import samples


@pytest.fixture(scope="session")
def decoder():
    """One resident decoder for all tests of a worker: they must leave it usable."""
    with Decoder() as shared:
        yield shared


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Return {format name: path of a small good file}."""
    return samples.make_all(tmp_path_factory.mktemp("samples"))
