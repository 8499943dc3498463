"""RTP and sound cards at the relay's ends: real sockets, cards that are fakes of the test."""

import threading
import types

import numpy as np
import pytest
import soundfile

from bench.stream.network import programme, sent
from dsp.align.delay import measure_delay
from dsp.errors import Refusal
from loa.relay.blocks import BLOCK_S
from loa.relay.card_reader import CardReader
from loa.relay.line_inputs import CardInput
from loa.relay.settings import InputSettings
from loa.relay.status_line import record_of
from loa.sending.description import describe
from loa.speaker.outputs import CardOutput
from tests.loa.relay.test_relay import BEGUN_S, RATE, free_port, opened
from transmit.rtp.fan_out import FanOut
from transmit.rtp.payloads import CODECS

KEY = bytes(range(30))
PATIENCE_S = 60.0


def rtp_relay(folder, port, key):
    session = describe(CODECS["opus"], ("127.0.0.1", port), packet_ms=20, key=key)
    (folder / "in.sdp").write_text(session.describe(), newline="")
    soundfile.write(folder / "chime.wav", np.full(RATE, 0.01), RATE)
    return opened(
        folder,
        """
id = "a"
through_ms = 100
leave_after_s = 1
[[input]]
source = "sdp:in.sdp"
unsigned = true
buffer_ms = 200
[[input]]
source = "file:chime.wav"
repeat = true
[[line]]
to = "file:line.wav"
""",
    )


def relayed_stream(folder, key, send_key=None):
    """Relay a stream of 8 s; return what came out, and the source of every block."""
    port = free_port()
    sound, sources = programme(8), []
    packets = sent(sound, key=send_key or key, begun_s=BEGUN_S)
    relay, clock = rtp_relay(folder, port, key)
    with (
        relay,
        FanOut([("127.0.0.1", port)]) as media,
        FanOut([("127.0.0.1", port + 1)]) as control,
    ):
        for _ in range(10 * 50):
            while packets and packets[0][0] <= BEGUN_S + clock.now_s:
                _, is_control, data = packets.pop(0)
                (control if is_control else media).send(data)
            relay.step(clock.now_s)
            clock.now_s += BLOCK_S
            sources.append(record_of(relay, clock)["source"])
        relay.finish()
        about = record_of(relay, clock)["inputs"][0]
    out, _ = soundfile.read(folder / "line.wav", dtype="float32")
    return sound, out, np.array(sources), about


def test_a_stream_is_relayed_in_step_and_left_when_it_ends(tmp_path):
    sound, out, sources, about = relayed_stream(tmp_path, KEY)
    live = sources == "sdp:in.sdp"
    assert set(sources[25 : 8 * 50]) == {"sdp:in.sdp"}
    assert not live[-25:].any()  # a goodbye and the chime a second later
    # 0.2 s of buffer and 0.1 s through the relay, by the sender's own reports.
    late = measure_delay(sound, np.ascontiguousarray(out[: 8 * RATE]), RATE, range_s=(-1.0, 1.0))
    assert late.invalid is None
    assert late.value == pytest.approx(0.3, abs=0.001 + late.u)
    assert about["in_step"]
    assert about["lost"] == 0


def test_a_stream_of_another_key_is_not_relayed(tmp_path):
    _, _, sources, about = relayed_stream(tmp_path, KEY, bytes(30))
    assert set(sources) == {"file:chime.wav"}
    assert about["counts"]["srtp.authentication"] > 300


class Recorder:
    """A card that records: the test gives what it hears."""

    def __init__(self, **settings):
        self.settings = settings
        self.closed = False

    def start(self):
        pass

    def close(self):
        self.closed = True


def test_a_line_in_is_alive_while_somebody_speaks_on_it():
    card = CardInput(
        InputSettings("card:2", buffer_ms=40.0), types.SimpleNamespace(InputStream=Recorder)
    )
    stream = card._stream
    assert stream.settings["device"] == 2
    speech = programme(3)
    heard = []

    def play(sound):
        for start in range(0, len(sound), 960):
            stream.settings["callback"](sound[start : start + 960, None], 960, None, None)
            alive = card.is_alive(0.0)
            heard.append(card.render(960, 0.0))
        return alive

    assert play(speech)
    assert play(np.zeros(9 * RATE, np.float32))  # a pause
    assert not play(np.zeros(2 * RATE, np.float32))  # an open line
    assert play(speech[: RATE // 2])
    out = np.concatenate(heard)[: 3 * RATE]
    late = measure_delay(speech, np.ascontiguousarray(out), RATE, range_s=(-0.2, 0.2))
    assert late.value == pytest.approx(0.06, abs=0.021)
    assert card.about()["ran_dry"] == 0
    card.close()
    assert stream.closed


def test_a_card_that_is_not_there_says_what_to_do():
    class Missing:
        def __init__(self, **_):
            raise ValueError("no input device matching 'Front'\nand more")

    with pytest.raises(Refusal) as caught:
        CardInput(InputSettings("card:Front"), types.SimpleNamespace(InputStream=Missing))
    assert (caught.value.kind, caught.value.exit_code) == ("sound_card.missing", 3)
    assert "and more" not in str(caught.value)


class Player:
    """A card that plays: it takes a block whenever the test lets it."""

    latency = 0.03

    def __init__(self, **settings):
        self.settings = settings
        self.taken = []
        self.wanted = threading.Semaphore(0)
        self.came = threading.Semaphore(0)

    def start(self):
        pass

    def write(self, frames):
        assert self.wanted.acquire(timeout=PATIENCE_S)
        self.taken.append(frames[:, 0].copy())
        self.came.release()

    def stop(self):
        pass

    def close(self):
        pass


def test_a_card_reads_at_its_own_pace_and_plays_all_of_it():
    library = types.SimpleNamespace(OutputStream=Player, PortAudioError=OSError)
    output = CardOutput("Wired", library)
    stream = output._stream
    assert output.latency_s == 0.03
    assert stream.settings["device"] == "Wired"
    reader = CardReader("line", output.write)
    sound = programme(4)
    # The relay is 0.1 s ahead; from then on a block is played whenever one is written.
    for start in range(0, len(sound), 960):
        reader.write(sound[start : start + 960])
        if start >= 4_800:
            stream.wanted.release()
            assert stream.came.acquire(timeout=PATIENCE_S)
    stream.wanted.release(400)
    reader.finish()
    played = np.concatenate(stream.taken)
    late = measure_delay(sound, np.ascontiguousarray(played[: len(sound)]), RATE)
    # What is held, and up to two blocks: who is first at the beginning is for the threads to say.
    assert late.value == pytest.approx(CardReader.latency_s, abs=0.041)
    assert reader.about()["ran_dry"] <= 1  # at the end


def test_a_card_that_fails_is_told_to_the_relay():
    failed = threading.Event()

    def play(_):
        failed.set()
        raise OSError("unplugged")

    reader = CardReader("line", play)
    assert failed.wait(PATIENCE_S)
    reader.finish()
    with pytest.raises(OSError, match="unplugged"):
        reader.write(np.zeros(960, np.float32))
