"""What every fault does to the truth, and what the truth says of a healthy station."""

import numpy as np
import pytest
import soundfile

from ingest.scene.render import SceneSource
from ingest.scene.scene import parse_scene
from tests.ingest.scene.test_scene import fault

HEAD = """
[capture]
centre_hz = 98e6
rate_hz = {rate}
seconds = {seconds}
seed = 11
[dongle]
noise_dbfs = -60
{dongle}
"""
STATION = """
[[station]]
id = "A"
frequency_hz = 98e6
level_dbfs = -10
profile = "75k50us"
"""
STEREO = STATION + "stereo = true\nrds_hz = 2000\npi = '7001'\nps = 'TRAVINH '\n"
TONE = "tone_hz = 1000\ntone_level_db = -6\n"


def truth(station, folder, *, seconds=3, dongle="", rate=288_000):
    text = HEAD.format(rate=rate, seconds=seconds, dongle=dongle) + station
    source = SceneSource(parse_scene(text.encode(), folder), with_truth=True)
    for _ in source.blocks():
        pass
    table = source.truth()
    source.close()
    assert table["schema"] == "loa.truth/1"
    assert [r["second"] for r in table["stations"]["A"]] == list(range(int(seconds)))
    return table["stations"]["A"]


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    return truth(STEREO + TONE, tmp_path_factory.mktemp("healthy"))


def test_a_healthy_station(healthy):
    record = healthy[1]
    # Audio's share 75 - 6.75 - 2 kHz, -6 dBFS, emphasised by 0.409 dB at 1 kHz, both channels.
    audio_hz = 66_250 * 10 ** ((-6 + 0.409) / 20)
    power = (audio_hz**2 + 6_750**2) / 2 + (2_000 / 1.44295) ** 2 / 2
    assert record["mpx_power_dbr"] == pytest.approx(10 * np.log10(2 * power / 19e3**2), abs=0.03)
    assert record["pilot_hz"] == pytest.approx(6_750, abs=1)
    assert record["rds_hz"] == pytest.approx(2_000, abs=5)
    assert record["rds_phase_deg"] == pytest.approx(0.0, abs=0.1)
    assert record["offset_hz"] == 0.0
    # -6 dBFS sines in both channels: BS.1770 gives -3.01 dB a channel and 0.691 of offset.
    assert record["loudness_momentary_lufs"] == pytest.approx(-6.0 + 0.0, abs=0.05)
    low, high = audio_hz + 6_750 - 500, audio_hz + 6_750 + 2_050
    assert low <= record["peak_deviation_hz"] <= high
    assert record["programme"] == "tone"
    assert record["fault"] is None
    assert record["mpx_window_s"] == 2


def test_groups_are_those_of_the_scheduler_eleven_a_second(healthy):
    groups = [group for record in healthy for group in record["groups"]]
    # 3 s at 11.42 groups; the last one is not over yet.
    assert len(groups) in (33, 34)
    assert all(group.startswith("7001") and len(group) == 16 for group in groups)
    assert "70010009E0CD4156" in groups or "70010029E0CD4156" in groups  # 0A, "AV" of TRAVINH


@pytest.mark.parametrize("profile", ["75k50us", "50k50us", "75k75us"])
def test_a_full_tone_fills_the_deviation(tmp_path, profile):
    station = STATION.replace("75k50us", profile) + "tone_hz = 400\ntone_level_db = 0\n"
    record = truth(station, tmp_path, seconds=2)[1]
    rated = 50_000 if profile.startswith("50") else 75_000
    # The coder never lets the sum exceed it.
    assert record["peak_deviation_hz"] == pytest.approx(rated, rel=0.01)
    assert record["pilot_hz"] is None
    assert record["rds_phase_deg"] is None


def test_a_bare_carrier(tmp_path):
    record = truth(STATION, tmp_path, seconds=2)[1]
    assert record["peak_deviation_hz"] == 0.0
    assert record["mpx_power_dbr"] is None
    assert record["loudness_momentary_lufs"] is None
    assert record["occupied_bandwidth_hz"] < 200
    assert record["programme"] == "silence"
    assert record["groups"] == []


def one(kind, folder, **keys):
    """Truth of three seconds with a fault in the middle one; return (before, in it, after)."""
    station = STEREO + TONE + fault(kind, start_s=1.0, end_s=2.0, **keys)
    before, during, after = truth(station, folder)
    assert (before["fault"], during["fault"], after["fault"]) == (None, kind, None)
    return before, during, after


def test_off_air(tmp_path):
    _, during, after = one("off_air", tmp_path)
    assert all(during[key] is None for key in ("peak_deviation_hz", "offset_hz", "programme"))
    assert during["groups"] == []
    # The window begins anew.
    assert (during["mpx_window_s"], after["mpx_window_s"]) == (0, 1)
    assert after["pilot_hz"] == pytest.approx(6_750, abs=1)


def test_no_audio(tmp_path):
    before, during, _ = one("no_audio", tmp_path)
    assert during["programme"] == "silence"
    # Silence but for the 5 ms in which the tone comes back: 20 dB and more below it.
    assert during["loudness_momentary_lufs"] < -26.0
    assert during["mpx_power_dbr"] < before["mpx_power_dbr"] - 2.5  # the mean of both seconds
    assert during["pilot_hz"] == pytest.approx(6_750, abs=1)
    assert len(during["groups"]) >= 11


def test_hiss(tmp_path):
    _, during, _ = one("hiss", tmp_path, value=-30.0)
    assert during["programme"] == "hiss"
    # -30 dBFS RMS in each of two channels, lifted by K-weighting's 4 dB: -30 + 3.0 + 4.0 - 0.7 is
    # -23.7; the tone that comes back in the last 5 ms has -29.3 over the 400 ms: together -22.6.
    assert during["loudness_momentary_lufs"] == pytest.approx(-22.6, abs=0.4)
    assert len(during["groups"]) >= 11


def test_wrong_programme_from_a_file(tmp_path):
    rng = np.random.default_rng(5)
    soundfile.write(tmp_path / "other.wav", rng.normal(0, 0.1, 44_100), 44_100)
    _, during, after = one("wrong_programme", tmp_path, audio="other.wav")
    assert during["programme"] == "other.wav"
    assert after["programme"] == "tone"
    assert during["loudness_momentary_lufs"] != pytest.approx(-6.0, abs=1.0)


def test_intruder(tmp_path):
    _, during, _ = one("intruder", tmp_path, value=-6.0)
    assert during["programme"] == "tune"
    assert during["rds_hz"] is None
    assert during["groups"] == []
    assert during["pilot_hz"] == pytest.approx(6_750, abs=1)
    # 3 to 12 ppm of 98 MHz off.
    assert 290 < abs(during["offset_hz"]) < 1_180
    assert during["loudness_momentary_lufs"] == pytest.approx(-19.0, abs=6.0)


def test_capture(tmp_path):
    before, during, after = one("capture", tmp_path)
    assert during["programme"] == "tune"
    assert during["rds_hz"] is None
    assert during["offset_hz"] != before["offset_hz"]
    assert after["rds_hz"] == pytest.approx(2_000, abs=5)


def test_over_deviation(tmp_path):
    before, during, _ = one("over_deviation", tmp_path, value=97_500.0)
    for key in ("peak_deviation_hz", "pilot_hz", "rds_hz"):
        assert during[key] == pytest.approx(1.3 * before[key], rel=2e-3)
    louder = during["loudness_momentary_lufs"] - before["loudness_momentary_lufs"]
    # 0 dBFS is what the larger pilot and RDS leave of the rated 75 kHz.
    share = (75_000.0 - 1.3 * 8_750.0) / (75_000.0 - 8_750.0)
    assert louder == pytest.approx(20 * np.log10(1.3 / share), abs=0.02)


@pytest.mark.parametrize(("value", "pilot_hz"), [(0.0, None), (3_000.0, 3_000.0)])
def test_no_pilot(tmp_path, value, pilot_hz):
    before, during, after = one("no_pilot", tmp_path, value=value)
    assert during["pilot_hz"] == (pilot_hz and pytest.approx(pilot_hz, abs=20.0))
    assert during["rds_hz"] == pytest.approx(before["rds_hz"], abs=5)
    assert after["rds_phase_deg"] == pytest.approx(0.0, abs=0.1)


def test_bad_pi(tmp_path):
    before, during, after = one("bad_pi", tmp_path)
    assert {group[:4] for group in before["groups"]} == {"7001"}
    assert "C001" in {group[:4] for group in during["groups"]}
    assert {group[:4] for group in after["groups"][2:]} == {"7001"}
    _, during, _ = one("bad_pi", tmp_path, value=0x1234)
    assert "1234" in {group[:4] for group in during["groups"]}


def test_no_code(tmp_path):
    code = "7001600012345678"
    station = STEREO + TONE + f'rds_groups = ["{code}"]\n'
    station += 'dtmf = [{at_s = 0.3, digits = "15"}, {at_s = 1.3, digits = "15"}]\n'
    healthy = truth(station, tmp_path)
    faulty = truth(station + fault("no_code", start_s=1.0, end_s=2.0), tmp_path)
    assert faulty[1]["fault"] == "no_code"
    for second in (0, 1):
        assert any(g[4] == "6" for g in healthy[second]["groups"])
    assert sum(g[4] == "6" for g in faulty[1]["groups"][1:]) == 0
    # The burst adds to the tone, where there is one.
    assert healthy[0]["peak_deviation_hz"] == faulty[0]["peak_deviation_hz"]
    assert faulty[1]["peak_deviation_hz"] < healthy[1]["peak_deviation_hz"]


def test_drift(tmp_path):
    before, during, after = one("drift", tmp_path, value=4_000.0)
    # The tone that begins with the scene moves the mean of the first second by 0.1 Hz.
    assert (before["offset_hz"], after["offset_hz"]) == (pytest.approx(0, abs=0.2), 0.0)
    assert during["offset_hz"] == pytest.approx(2_000.0, abs=1.0)  # the mean of a straight line


def test_hum(tmp_path):
    station = STEREO + fault("hum", start_s=1.0, end_s=2.0, value=-20.0)
    before, during, _ = truth(station, tmp_path)
    assert before["loudness_momentary_lufs"] is None
    # RMS -20 dBFS in both channels is 3.01 + 0.69 below -20 + 6.02 - … less K-weighting at 50 Hz.
    assert -24 < during["loudness_momentary_lufs"] < -16


def test_one_channel(tmp_path):
    before, during, _ = one("one_channel", tmp_path)
    lost = before["loudness_momentary_lufs"] - during["loudness_momentary_lufs"]
    assert lost == pytest.approx(3.01, abs=0.02)


def test_splatter(tmp_path):
    before, during, _ = one("splatter", tmp_path, value=12.0)
    assert during["mpx_power_dbr"] > before["mpx_power_dbr"] + 2
    assert during["occupied_bandwidth_hz"] > 1.1 * before["occupied_bandwidth_hz"]
    # Driven by 12 dB, into a clipper.
    assert 1 < during["loudness_momentary_lufs"] - before["loudness_momentary_lufs"] < 12


def test_a_fault_within_a_second_leaves_no_figure_of_the_carrier(tmp_path):
    station = STEREO + TONE + fault("intruder", start_s=1.2, end_s=1.7)
    before, during, after = truth(station, tmp_path)
    assert during["fault"] == "intruder"
    assert during["peak_deviation_hz"] is None
    assert during["programme"] == "tune"  # in the middle of the second
    # No edge of another carrier leaks into the neighbours.
    assert after["peak_deviation_hz"] == pytest.approx(before["peak_deviation_hz"], rel=0.03)


def test_an_intruder_on_a_channel_that_is_off_by_its_schedule(tmp_path):
    station = STEREO + TONE + "on_air = [{start_s = 2, end_s = 3}]\n"
    station += fault("intruder", start_s=0.0, end_s=1.0)
    first, second, third = truth(station, tmp_path)
    assert (first["fault"], first["programme"]) == ("intruder", "tune")
    assert (second["fault"], second["programme"], second["peak_deviation_hz"]) == (None, None, None)
    assert third["programme"] == "tone"


def test_several_faults_are_all_named(tmp_path):
    station = STEREO + TONE + fault("hum") + fault("no_pilot", start_s=1.0)
    records = truth(station, tmp_path)
    assert records[0]["faults"] == ["hum"]
    assert records[2]["faults"] == ["hum", "no_pilot"]
    station = STEREO + TONE + fault("off_air") + fault("intruder", start_s=1.0, end_s=2.0)
    assert [r["fault"] for r in truth(station, tmp_path)] == ["off_air", "intruder", "off_air"]


def test_the_dongles_clock_is_in_the_figures(tmp_path):
    exact = truth(STEREO + TONE, tmp_path)[1]
    off = truth(STEREO + TONE + "offset_hz = 500\n", tmp_path, dongle="ppm = 80")[1]
    assert off["offset_hz"] == pytest.approx(500 - 98e6 * 80e-6, abs=2.0)
    assert off["pilot_hz"] == pytest.approx(exact["pilot_hz"] / (1 + 80e-6), abs=0.02)
    assert off["rds_phase_deg"] == pytest.approx(0.0, abs=0.1)


def test_the_middle_of_a_drifting_second(tmp_path):
    station = STATION + TONE + "offset_hz = -100\ndrift_hz_per_min = 120\n"
    records = truth(station, tmp_path)
    assert [r["offset_hz"] for r in records] == pytest.approx([-99.0, -97.0, -95.0], abs=0.2)


@pytest.mark.parametrize("ppm", [80, -80])
def test_a_clock_that_is_off_does_not_carry_a_fault_into_the_next_second(tmp_path, ppm):
    station = STEREO + TONE + fault("hum", start_s=1.0, end_s=2.0)
    records = truth(station, tmp_path, dongle=f"ppm = {ppm}")
    assert [record["fault"] for record in records] == [None, "hum", None]
