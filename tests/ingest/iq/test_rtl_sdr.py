"""A dongle that is not there, pulled out, silent, repeating: with a library that plays one."""

import sys
import threading
import types

import numpy as np
import pytest

from dsp.errors import Refusal
from ingest.clock import SystemClock
from ingest.iq import live_source, rtl_sdr
from ingest.iq.open_source import SourceOptions, open_source
from ingest.iq.rtl_sdr import BUFFER_SAMPLES, RtlSdrSource
from ingest.iq.rtl_tcp_protocol import TunerSettings

SETTINGS = TunerSettings(2_400_000, 99e6, gain_db=30.0, ppm=12, bias_tee=True)


def buffer(seed):
    return np.random.default_rng(seed).integers(0, 256, 2 * BUFFER_SAMPLES, np.uint8).tobytes()


class Dongle:
    """A dongle as `rtlsdr.RtlSdr` has it; `Played` subclasses know what theirs play."""

    library = None

    @classmethod
    def get_device_serial_addresses(cls):
        return list(cls.library.serials)

    def __init__(self, device_index=0):
        self.set = {}
        self.script = next(self.library.plays, None)
        if self.script is None:
            raise OSError("no such device")
        self.device_index = device_index
        self.cancelled = threading.Event()
        self.library.opened.append(self)

    def __setattr__(self, name, value):
        if name in {"sample_rate", "center_freq", "gain", "freq_correction"}:
            self.set[name] = value
        object.__setattr__(self, name, value)

    def set_bias_tee(self, on):
        self.set["bias_tee"] = on

    def read_bytes_async(self, callback, num_bytes):
        assert num_bytes == 2 * BUFFER_SAMPLES
        for item in self.script:
            if isinstance(item, Exception):
                raise item
            callback(bytearray(item), self)
        self.cancelled.wait(30)

    def cancel_read_async(self):
        self.cancelled.set()

    def close(self):
        self.cancelled.set()


def playing(*scripts, serials=("00000001", "TRAVINH2")):
    """Stands for the module `rtlsdr`: every opening of the dongle plays the next script.

    A script is a list of what the callback gets; an exception in it is raised. When it is over the
    dongle falls silent until reading is cancelled.
    """
    library = types.SimpleNamespace(opened=[], plays=iter(scripts), serials=serials)
    library.RtlSdr = type("Played", (Dongle,), {"library": library})
    return library


@pytest.fixture
def dongle(monkeypatch):
    monkeypatch.setattr(rtl_sdr, "backoff_s", lambda _: 0.0)
    monkeypatch.setattr(live_source, "STALL_S", 0.05)
    sources = []

    def start(library, serial=""):
        sources.append(RtlSdrSource(serial, SETTINGS, SystemClock(), library=library))
        return sources[-1]

    yield start
    for source in sources:
        source.close()


def collect(source, blocks):
    got = []
    for block in source.blocks():
        got.append(block)
        if len(got) == blocks:
            return got
    return got


def test_settings_and_samples(dongle):
    library = playing([buffer(1), buffer(2)])
    first, second = collect(dongle(library, "TRAVINH2"), 2)
    [device] = library.opened
    assert device.device_index == 1
    assert device.set == {
        "sample_rate": 2_400_000,
        "center_freq": 99_000_000,
        "gain": 30.0,
        "freq_correction": 12,
        "bias_tee": True,
    }
    assert first.samples.tobytes() == buffer(1)
    assert (first.index, second.index) == (0, BUFFER_SAMPLES)
    assert second.samples.tobytes() == buffer(2)


@pytest.mark.parametrize(("serial", "place"), [("", 0), ("1", 1), ("00000001", 0)])
def test_a_dongle_is_chosen_by_serial_or_place(dongle, serial, place):
    library = playing([])
    dongle(library, serial)
    assert library.opened[0].device_index == place


@pytest.mark.parametrize("serial", ["7", "NOTHERE", "²", "-1"])
def test_another_serial_is_refused_with_what_is_there(dongle, serial):
    with pytest.raises(Refusal, match="TRAVINH2") as caught:
        dongle(playing([]), serial)
    assert (caught.value.kind, caught.value.exit_code) == ("rtl_sdr.no_device", 3)


def test_no_dongle_at_all(dongle):
    with pytest.raises(Refusal, match="no dongle at all"):
        dongle(playing(serials=[]))


def test_no_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "rtlsdr", None)
    with pytest.raises(Refusal) as caught:
        open_source("rtl://", SourceOptions(centre_hz=99e6))
    assert (caught.value.kind, caught.value.exit_code) == ("rtl_sdr.missing", 3)
    assert "uv sync" in caught.value.advice


def test_a_dongle_that_was_pulled_out_comes_back(dongle):
    library = playing([buffer(1), OSError("LIBUSB_ERROR_NO_DEVICE")], [buffer(2)])
    source = dongle(library)
    first, second = collect(source, 2)
    assert len(library.opened) == 2
    assert second.samples.tobytes() == buffer(2)
    assert second.index == first.end_index + second.missing_samples
    assert "reconnected" in {note["kind"] for note in source.notes()}


def test_a_silent_dongle_is_opened_anew(dongle):
    library = playing([buffer(1)], [buffer(2)])
    source = dongle(library)
    _, second = collect(source, 2)
    assert second.samples.tobytes() == buffer(2)
    assert {"stall", "reconnected"} <= {note["kind"] for note in source.notes()}


def test_a_buffer_that_comes_twice_is_a_gap(dongle):
    source = dongle(playing([buffer(1), buffer(1), buffer(2)]))
    first, second = collect(source, 2)
    assert second.samples.tobytes() == buffer(2)
    assert second.missing_samples == BUFFER_SAMPLES
    assert second.index == first.end_index + BUFFER_SAMPLES
    assert "repeated_buffer" in {note["kind"] for note in source.notes()}


def test_what_the_ring_could_not_take_is_counted(dongle):
    buffers = [buffer(k) for k in range(120)]
    library = playing([])
    source = dongle(library)
    for number, data in enumerate(buffers):
        source.ring.put(data, 100.0 + number * BUFFER_SAMPLES / 2_400_000)
    source.ring.get(0)
    source.ring.put(buffer(500), 100.0 + 120 * BUFFER_SAMPLES / 2_400_000)
    blocks = collect(source, source.ring.most_bytes // len(buffers[0]))
    assert blocks[-1].samples.tobytes() == buffer(500)
    assert blocks[-1].index == 119 * BUFFER_SAMPLES
    assert blocks[-1].missing_samples == (120 - 73) * BUFFER_SAMPLES
