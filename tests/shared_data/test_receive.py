"""`loa receive` on captures that others made: what is in them comes out, and nothing else."""

import json

import numpy as np
import pytest
import soundfile as sf

from loa import cli
from tests.shared_data.conftest import DATA

FIGURES_OF_A_CARRIER = (
    "level_dbfs",
    "cn_db",
    "peak_deviation_hz",
    "mpx_power_dbr",
    "pilot_hz",
    "rds_hz",
    "rds_phase_deg",
    "offset_hz",
    "occupied_bandwidth_hz",
    "loudness_momentary_lufs",
)


def summary_of(capsys, name, rate_hz):
    arguments = [str(DATA / "iq" / name), "--centre-mhz", "100", "--rate-hz", str(rate_hz)]
    assert cli.run(["receive", *arguments, "--frequency-mhz", "100", "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_station_by_gr_rds(capsys):
    summary = summary_of(capsys, "syn_grrds_stereo_256k.cu8", 256_000)
    assert (summary["pi"], summary["ps"], summary["pty"], summary["tp"]) == (
        "D392",
        "TRAVINH1",
        1,
        True,
    )
    assert summary["rt"] == "Dai phat thanh TEST RadioText 12:30 gr-rds"
    assert summary["bler"] == 0
    assert summary["ct"].startswith("2026-11-23T14:08")
    # The samples were modulated at 256 kHz with 6750 Hz each; between them the carrier swings by
    # 1 / sinc(19 / 256) more, 6811 Hz. The offset wanders with the programme (no high-pass).
    assert summary["pilot_hz"] == pytest.approx(6_811, abs=10)
    assert summary["offset_hz"] == pytest.approx(1_444, abs=20)
    assert summary["mpx_power_dbr"] == pytest.approx(-5.79, abs=0.2)
    assert summary["peak_deviation_hz"] == pytest.approx(68_580, abs=1_500)


def test_noise_invents_no_figure(capsys):
    summary = summary_of(capsys, "syn_noise_only_240k.cu8", 240_000)
    assert {key: summary[key] for key in FIGURES_OF_A_CARRIER} == dict.fromkeys(
        FIGURES_OF_A_CARRIER
    )
    assert (summary["pi"], summary["ps"], summary["rt"], summary["dtmf"]) == (None, None, None, [])
    assert "off_air" in summary["findings"]


def test_a_dead_carrier_is_one_without_a_programme(capsys):
    summary = summary_of(capsys, "syn_dead_carrier_240k.cu8", 240_000)
    assert {"no_audio", "silence"} <= set(summary["findings"])
    assert (summary["pilot_hz"], summary["rds_hz"], summary["pi"]) == (None, None, None)
    assert summary["peak_deviation_hz"] < 500
    assert abs(summary["offset_hz"]) < 1


def test_mono_has_neither_pilot_nor_rds(capsys):
    summary = summary_of(capsys, "syn_mono_nopilot_240k.cu8", 240_000)
    assert (summary["pilot_hz"], summary["rds_hz"], summary["pi"]) == (None, None, None)
    # One second at C/N 31 dB: of a lone crest under 60 kHz of noise the meter states what it knows.
    # How true the multiplex below it is, the next test tells, without that noise.
    u = summary["u"]["peak_deviation_hz"]
    assert u < 1_500
    assert summary["peak_deviation_hz"] == pytest.approx(32_006, abs=u)
    assert summary["findings"] == []


def test_the_multiplex_of_a_recording_has_its_makers_deviation(capsys, tmp_path):
    file = str(DATA / "iq" / "syn_mono_nopilot_240k.cu8")
    tuned = ["--centre-mhz", "100", "--rate-hz", "240000", "--frequency-mhz", "100"]
    assert cli.run(["receive", file, *tuned, "--json", "--mpx", str(tmp_path)]) == 0
    capsys.readouterr()
    (path,) = tmp_path.glob("*.wav")
    composite, rate_hz = sf.read(path)
    # Mono ends at 15 kHz: without what lies above, three quarters of the noise's amplitude is gone
    # (its density rises with frequency) and the crest stands within 0.1 kHz.
    lines = np.fft.rfft(composite - composite.mean())
    lines[np.fft.rfftfreq(len(composite), 1.0 / rate_hz) > 15_000.0] = 0.0
    peak_hz = np.abs(np.fft.irfft(lines, len(composite))).max() * 1e5
    assert peak_hz == pytest.approx(32_006, abs=150)


def test_real_samples_too_short_for_a_second_give_a_summary_and_no_figure(capsys):
    summary = summary_of(capsys, "naimish_100.1_2000k.cu8", 2_000_000)
    assert summary["seconds"] == 0
    assert set(summary["invalid"].values()) == {"no whole second"}
