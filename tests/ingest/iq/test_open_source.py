"""The word SOURCE: what each form opens, and what is refused."""

import pytest

from dsp.errors import Refusal
from ingest.iq.open_source import SourceOptions, open_source


@pytest.mark.parametrize(
    "uri", ["http://host/band.cu8", "tcp://", "tcp://host:99999", "tcp://host:x", "soapy://0"]
)
def test_what_is_no_source_is_refused(uri):
    with pytest.raises(Refusal) as caught:
        open_source(uri, SourceOptions(centre_hz=99e6))
    assert caught.value.kind == "source.unknown"


@pytest.mark.parametrize("uri", ["rtl://", "tcp://127.0.0.1:1"])
def test_a_live_source_wants_a_frequency(uri):
    with pytest.raises(Refusal, match="--centre-mhz"):
        open_source(uri)


def test_a_live_source_wants_a_possible_rate():
    with pytest.raises(Refusal) as caught:
        open_source("rtl://", SourceOptions(rate_hz=10_000_000, centre_hz=99e6))
    assert caught.value.kind == "iq.rate"


def test_a_scene_is_rendered_as_it_is_asked_for(tmp_path):
    path = tmp_path / "SCENE.toml"
    path.write_text(
        """
        [capture]
        centre_hz = 99_000_000
        rate_hz = 1_024_000
        seconds = 0.25
        [[station]]
        id = "a"
        frequency_hz = 99_000_000
        level_dbfs = -10.0
        profile = "75k50us"
        """
    )
    source = open_source(f"sim:{path}")
    assert (source.rate_hz, source.centre_hz) == (1_024_000, 99e6)
    assert source.time_basis == "simulated"
    assert sum(block.count for block in source.blocks()) == 256_000
    source.close()


def test_a_scene_that_is_not_there(tmp_path):
    with pytest.raises(Refusal):
        open_source(f"sim:{tmp_path / 'SCENE.toml'}")
