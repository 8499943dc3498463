"""RELAY.toml: what is right is read, what is wrong is said in one line with exit code 2."""

import pytest

from dsp.errors import Refusal
from loa import cli
from loa.relay.request import RelayRequest, settings_of
from loa.relay.settings import parse_relay

GOOD = """
id = "tri-ton"
through_ms = 1500
leave_after_s = 3
[[input]]
source = "sdp:district.sdp"
unsigned = true
[[input]]
source = "rtl://"
frequency_hz = 96.4e6
references = ["a.flac"]
hold_s = 15
[[input]]
source = "iq:capture.cu8"
frequency_hz = 96.4e6
pass = "always"
[[input]]
source = "file:chime.wav"
repeat = true
[[rtp]]
to = ["239.255.12.42:5004"]
heard_after_ms = 500
[[fm]]
to = "card:Exciter"
[[line]]
to = "null"
"""


def test_everything_is_read():
    relay = parse_relay(GOOD.encode())
    assert relay.id == "tri-ton"
    assert [one.gate for one in relay.input] == ["match", "match", "always", "match"]
    assert [one.is_radio for one in relay.input] == [False, True, True, False]
    assert relay.input[1].hold_s == 15.0
    assert (relay.rtp[0].heard_after_ms, relay.fm[0].rules) == (500.0, "75k50us")


BAD = {
    "no input": ('id = "a"\n[[line]]\nto = "null"\n', "no input"),
    "no output": ('id = "a"\n[[input]]\nsource = "file:a.wav"\n', "rtp, fm, line: expected 1"),
    "unknown key": (GOOD.replace("leave_after_s", "leave_after"), "unknown leave_after"),
    "unknown key of an input": (GOOD.replace("hold_s", "hold"), "unknown hold"),
    "gate by its inner name": (GOOD.replace('pass = "always"', 'gate = "always"'), "unknown gate"),
    "another policy": (GOOD.replace('"always"', '"sometimes"'), "'match' or 'always'"),
    "a stranger's door": (
        GOOD.replace('references = ["a.flac"]\n', ""),
        "references: expected some",
    ),
    "always and references": (
        GOOD.replace('pass = "always"', 'pass = "always"\nreferences = ["a"]'),
        "references: expected none",
    ),
    "no frequency": (GOOD.replace("frequency_hz = 96.4e6\nref", "ref"), "frequency_hz: expected"),
    "references of a file": (GOOD.replace("repeat = true", 'references = ["a"]'), "expected of FM"),
    "hold too short": (GOOD.replace("hold_s = 15", "hold_s = 1"), "hold_s"),
    "through too long": (GOOD.replace("through_ms = 1500", "through_ms = 1e6"), "through_ms"),
    "a source that is none": (GOOD.replace("file:chime.wav", "http://x/y"), "source: expected"),
    "nobody listens": (GOOD.replace('to = ["239.255.12.42:5004"]', "to = []"), "to: expected 1"),
    "a bad name": (GOOD.replace('id = "tri-ton"', 'id = "tri ton"'), "id: expected"),
    "text for a number": (GOOD.replace("hold_s = 15", 'hold_s = "15"'), "hold_s"),
    "no TOML": ("id = ", "a TOML file"),
    "RTP that nobody signed": (GOOD.replace("unsigned = true\n", ""), "expected session:"),
    "a file that is unsigned": (GOOD.replace("repeat = true", "unsigned = true"), "of RTP"),
    "a session without keys": (
        GOOD.replace("file:chime.wav", "session:").replace("repeat = true\n", ""),
        "trusted_keys: expected a keyring, since a signed source",
    ),
    "a recording without keys": (
        GOOD.replace("file:chime.wav", "bulletin:a.json").replace("repeat = true\n", ""),
        "trusted_keys: expected a keyring, since a signed source",
    ),
    "commands without keys": ('commands = ["0.0.0.0:5010"]' + GOOD, "since commands needs one"),
    "keys without a place": ('trusted_keys = ["K"]' + GOOD, "commune: expected commune and state"),
    "keys without zones": (
        'trusted_keys = ["K"]\ncommune = "a"\nstate = "s"' + GOOD,
        "zones: expected the zones",
    ),
    "a line to nowhere": (GOOD.replace('"null"', '"nowhere"'), "to: expected card:"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_refused(name):
    text, words = BAD[name]
    with pytest.raises(Refusal) as caught:
        parse_relay(text.encode())
    assert words in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_command_line_is_a_relay():
    request = RelayRequest(
        "bulletin.wav",
        (
            "rtp://10.0.0.7:5004?codec=g722&heard_after_ms=300",
            "fm:pipe:exciter",
            "line:card:Wired",
        ),
        through_ms=800.0,
    )
    settings = settings_of(request)
    assert settings.input[0].source == "file:bulletin.wav"
    assert (settings.rtp[0].codec, settings.rtp[0].heard_after_ms) == ("g722", 300.0)
    assert (settings.fm[0].to, settings.line[0].to) == ("pipe:exciter", "card:Wired")
    radio = settings_of(
        RelayRequest("rtl://", ("fm:a.wav",), frequency_mhz=96.4, references=("a.flac",))
    )
    assert (radio.input[0].frequency_hz, radio.input[0].gate) == (96.4e6, "match")


COMMANDS = [
    (["bulletin.wav"], "no --to"),
    (["bulletin.wav", "--to", "http://x"], "--to rtp://"),
    (["bulletin.wav", "--to", "fm:"], "--to rtp://"),
    (["bulletin.wav", "--to", "rtp://a?b=c"], "b in rtp://a"),
    (["bulletin.wav", "--to", "rtp://1.2.3.4:5004?packet_ms=x"], "a number for packet_ms"),
    (["bulletin.wav", "--to", "line:null", "--pass", "always"], "--pass of a station"),
    (["rtl://", "--to", "line:null", "--frequency-mhz", "96.4"], "references: expected some"),
    (["no-such-relay.toml"], "a RELAY.toml that can be read"),
    (["no-such-file.wav", "--to", "line:null"], "no-such-file"),
    (["bulletin.wav", "--to", "fm:x.mp3"], "a name that ends in"),
    (["bulletin.wav", "--to", "fm:pipe:none"], "a named pipe"),
    (["pipe:none", "--to", "line:null"], "a named pipe"),
    (["bulletin.wav", "--to", "line:null", "--through-ms", "60"], "through_ms"),
    (["bulletin.wav", "--to", "rtp://1.2.3.4:5004?fec=normal"], "heard_after_ms: 1100 or more"),
    (["bulletin.wav", "--to", "rtp://1.2.3.4:99999"], "ADDRESS:PORT"),
    (["rtp://127.0.0.1:5004", "--to", "line:null"], "expected session:"),
    (["rtp://127.0.0.1:5004", "--to", "line:null", "--unsigned"], "an SRTP key"),
    (["session:", "--to", "line:null"], "trusted_keys: expected a keyring"),
]


@pytest.mark.parametrize(("words", "said"), COMMANDS)
def test_bad_input_is_one_line_and_exit_code_2(words, said, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    import soundfile  # noqa: PLC0415 - for the one file that is there

    soundfile.write("bulletin.wav", [0.0] * 4_800, 48_000)
    through = [] if "--through-ms" in words or "fec" in str(words) else ["--through-ms", "1000"]
    if "60" in words:  # 60 ms are too few for 400 ms at the loudspeakers
        words = [*words, "--to", "rtp://127.0.0.1:5004"]
    before = set(tmp_path.iterdir())
    assert cli.run(["relay", *words, *through]) == 2
    out, err = capfd.readouterr()
    assert said in err
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert out == ""
    assert set(tmp_path.iterdir()) == before


def test_ten_thousand_destinations_fit():
    to = ", ".join(f'"10.{n // 250}.{n % 250}.7:5004"' for n in range(10_000))
    text = f'id = "a"\n[[input]]\nsource = "file:x"\n[[rtp]]\nto = [{to}]\n'
    assert len(parse_relay(text.encode()).rtp[0].to) == 10_000
