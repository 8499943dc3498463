import pytest

from ingest.decode.decoder import Decoder


@pytest.fixture(scope="session")
def decoder():
    """One resident decoder for all tests of a worker: they must leave it usable."""
    with Decoder() as shared:
        yield shared
