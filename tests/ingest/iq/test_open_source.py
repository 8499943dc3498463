"""The word SOURCE: what each form opens, and what is refused."""

import sys
import types

import pytest

from dsp.errors import Refusal
from ingest.iq import open_source as door
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


def test_a_scene_is_rendered_by_the_renderer(monkeypatch):
    opened = types.ModuleType("renderer")
    opened.open_scene = lambda path: f"scene {path}"
    monkeypatch.setitem(sys.modules, "renderer", opened)
    monkeypatch.setattr(door, "SCENE_RENDERER", "renderer")
    assert open_source("sim:a/SCENE.toml") == "scene a/SCENE.toml"


def test_without_the_renderer_a_part_is_missing(monkeypatch):
    monkeypatch.setattr(door, "SCENE_RENDERER", "ingest.no_such_renderer")
    with pytest.raises(Refusal) as caught:
        open_source("sim:SCENE.toml")
    assert (caught.value.kind, caught.value.exit_code) == ("scene.missing", 3)
