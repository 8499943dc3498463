"""`loa index` and `loa match` from the command line: pieces, exit codes, and every odd file."""

import json

import numpy as np
import pytest
import soundfile

from ingest.reference.answer import Answer
from loa import cli
from loa.recognising.pieces import pieces_of
from tests.dsp.recognise.spoken import noisy, speech


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("match")
    for name, seed in (("morning", 1), ("evening", 2)):
        soundfile.write(place / f"{name}.wav", speech(20, seed), 8_000)
    heard = np.concatenate([speech(20, 2)[4 * 8_000 :], speech(9, 50)])
    soundfile.write(place / "heard.flac", noisy(heard, 15), 8_000)
    soundfile.write(place / "whole.wav", noisy(speech(20, 2), 15), 8_000)
    return place


def run(capsys, *arguments):
    code = cli.run([str(a) for a in arguments])
    out = capsys.readouterr().out
    return code, [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def test_pieces_of_a_file_against_files(folder, capsys):
    code, lines = run(
        capsys, "match", folder / "morning.wav", folder / "evening.wav", "--heard",
        folder / "heard.flac", "--json",
    )  # fmt: skip
    assert code == 1
    assert [(x["verdict"], x["reference"]) for x in lines] == [
        ("match", "evening"),
        ("unknown", None),
    ]
    first = lines[0]
    assert first["schema"] == "loa.match/1"
    assert (first["heard"], first["from_s"]) == ("heard.flac", 0)
    assert first["to_s"] in (15, 16, 17)
    assert lines[1]["to_s"] == 25
    assert first["offset_s"] == pytest.approx(4.0, abs=0.05)
    assert first["delay_ms"] == pytest.approx(-4000.0, abs=2.0)
    assert 0.0 < first["u"]["delay_ms"] < 20.0
    assert first["completeness_percent"] == pytest.approx(80.0, abs=8.0)
    assert first["gain_db"] == pytest.approx(0.0, abs=1.5)
    assert first["second_opinion"] == "same"


def test_a_whole_match_leaves_with_0_and_draws(folder, capsys, tmp_path):
    plot = tmp_path / "m.png"
    code, lines = run(
        capsys, "match", folder / "evening.wav", "--heard", folder / "whole.wav", "--json",
        "--plot", plot,
    )  # fmt: skip
    assert code == 0
    assert [x["verdict"] for x in lines] == ["match"]
    assert lines[0]["completeness_percent"] > 90.0
    assert plot.read_bytes()[:4] == b"\x89PNG"
    assert [p.name for p in tmp_path.iterdir()] == ["m.png"]


def test_an_index_folder_is_a_reference(folder, capsys, tmp_path):
    index = tmp_path / "index"
    code, lines = run(
        capsys, "index", "add", index, folder / "morning.wav", folder / "evening.wav", "--json"
    )
    assert code == 0
    assert [(x["is"], x["reference"]) for x in lines] == [
        ("added", "morning"),
        ("added", "evening"),
    ]
    assert lines[0]["duration_s"] == 20.0
    code, lines = run(capsys, "match", index, "--heard", folder / "whole.wav", "--json")
    assert (code, lines[0]["reference"]) == (0, "evening")
    assert run(capsys, "index", "remove", index, "evening")[0] == 0
    code, lines = run(capsys, "index", "list", index, "--json")
    assert [x["reference"] for x in lines] == ["morning"]
    code, lines = run(capsys, "match", index, "--heard", folder / "whole.wav", "--json")
    assert (code, {x["reference"] for x in lines}) == (1, {None})
    code, lines = run(capsys, "index", "check", index, "--json")
    assert (code, lines[0]["references"]) == (0, 1)
    (segment,) = index.glob("*.segment")
    segment.write_bytes(segment.read_bytes()[:-9])
    code, lines = run(capsys, "index", "check", index, "--json")
    assert (code, lines[0]["kind"]) == (2, "index.damaged")


def test_a_file_against_itself_is_heard_to_its_end(capsys, tmp_path):
    """The last 0.4 s have no second of their own, in what was heard and in the reference."""
    soundfile.write(tmp_path / "odd.wav", speech(18, 3)[: round(17.4 * 8_000)], 8_000)
    code, lines = run(
        capsys, "match", tmp_path / "odd.wav", "--heard", tmp_path / "odd.wav", "--json"
    )
    assert (code, lines[0]["completeness_percent"]) == (0, 100.0)


def test_an_index_is_asked_from_any_folder_and_says_what_it_misses(
    folder, capsys, tmp_path, monkeypatch
):
    (tmp_path / "a.wav").write_bytes((folder / "evening.wav").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "index", "add", "index", "a.wav")[0] == 0
    monkeypatch.chdir(folder)
    index = tmp_path / "index"
    _, lines = run(capsys, "match", index, "--heard", folder / "whole.wav", "--json")
    assert lines[0]["second_opinion"] == "same"
    (tmp_path / "a.wav").unlink()
    code = cli.run(["match", str(index), "--heard", str(folder / "whole.wav")])
    said = capsys.readouterr().err
    assert code == 0
    assert "a.wav: no file at" in said
    assert "no second opinion" in said


def test_an_index_that_holds_nothing_is_no_reference(folder, capsys, tmp_path):
    index = tmp_path / "index"
    run(capsys, "index", "add", index, folder / "morning.wav")
    run(capsys, "index", "remove", index, "morning")
    assert cli.run(["index", "list", str(index)]) == 0
    assert "no references" in capsys.readouterr().err
    code, lines = run(capsys, "match", index, "--heard", folder / "whole.wav", "--json")
    assert (code, lines[0]["kind"]) == (2, "match.no_reference")


def test_a_file_in_place_of_the_index_is_bad_input(folder, capsys):
    sound = folder / "morning.wav"
    code, lines = run(capsys, "index", "add", sound, folder / "evening.wav", "--json")
    assert (code, lines[0]["kind"]) == (2, "index.not_an_index")
    assert sound.read_bytes()[:4] == b"RIFF"


def test_nothing_is_added_if_one_file_is_bad(folder, capsys, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"RIFF no")
    code, lines = run(
        capsys, "index", "add", tmp_path / "index", folder / "morning.wav", tmp_path / "bad.wav",
        "--json",
    )  # fmt: skip
    assert code == 2
    assert lines[0]["kind"].startswith("audio.")
    assert not (tmp_path / "index").exists()
    code, _ = run(
        capsys, "index", "add", tmp_path / "index", folder / "morning.wav", "--id", "x", "--json"
    )
    assert code == 0
    code, lines = run(
        capsys, "index", "add", tmp_path / "index", folder / "evening.wav", "--id", "x", "--json"
    )
    assert (code, lines[0]["kind"]) == (2, "index.duplicate")


ODD = {
    "silent": (np.zeros(5 * 8_000), 8_000, {"silence"}),
    "short": (speech(0.2, 1), 8_000, set()),
    "hiss": (0.1 * np.random.default_rng(1).standard_normal(5 * 48_000), 48_000, {"hiss"}),
    "not_finite": (np.full(3 * 8_000, np.nan), 8_000, {"silence"}),
    "infinite": (np.where(np.arange(24_000) % 9, 0.0, np.inf), 8_000, {"silence"}),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files(folder, capsys, tmp_path, name):
    sound, rate_hz, verdicts = ODD[name]
    soundfile.write(tmp_path / "odd.wav", sound.astype(np.float32), rate_hz, subtype="FLOAT")
    code, lines = run(
        capsys, "match", folder / "evening.wav", "--heard", tmp_path / "odd.wav", "--json"
    )
    assert code == 1
    assert {x["verdict"] for x in lines} == verdicts


@pytest.mark.parametrize("rate_hz", [11_025, 44_100, 96_000])
def test_other_rates(folder, capsys, tmp_path, rate_hz):
    sound = speech(20, 2)
    at = np.arange(int(12 * rate_hz)) * 8_000 / rate_hz
    wide = np.interp(at, np.arange(len(sound)), sound).astype(np.float32)
    soundfile.write(tmp_path / "other.wav", np.stack([wide, wide], axis=1), rate_hz)
    code, lines = run(
        capsys, "match", folder / "evening.wav", "--heard", tmp_path / "other.wav", "--json"
    )
    assert (code, [x["reference"] for x in lines]) == (0, ["evening"])
    assert lines[0]["delay_ms"] == pytest.approx(0.0, abs=2.0)


def test_an_empty_file_and_no_file(folder, capsys, tmp_path):
    (tmp_path / "empty.wav").touch()
    for heard, kind in (("empty.wav", "audio.empty"), ("none.wav", "file.not_found")):
        code, lines = run(
            capsys, "match", folder / "evening.wav", "--heard", tmp_path / heard, "--json"
        )
        assert (code, lines[0]["kind"]) == (2, kind)


def test_copies_and_the_same_name_twice(folder, capsys, tmp_path):
    soundfile.write(tmp_path / "evening.wav", speech(20, 2), 8_000)
    code, lines = run(
        capsys, "match", folder / "evening.wav", tmp_path / "evening.wav", "--heard",
        folder / "whole.wav", "--json",
    )  # fmt: skip
    assert code == 0
    assert len(lines) == 1
    assert [lines[0]["reference"], *lines[0]["others"]] == sorted(
        [str(folder / "evening.wav"), str(tmp_path / "evening.wav")]
    )
    code, lines = run(
        capsys, "match", folder / "evening.wav", folder / "evening.wav", "--heard",
        folder / "whole.wav", "--json",
    )  # fmt: skip
    assert (code, lines[0]["kind"]) == (2, "match.duplicate")


def test_one_reference_inside_another(folder, capsys, tmp_path):
    sound = speech(20, 2)
    soundfile.write(tmp_path / "part.wav", sound[5 * 8_000 : 17 * 8_000], 8_000)
    soundfile.write(tmp_path / "inside.wav", noisy(sound[6 * 8_000 : 16 * 8_000], 15), 8_000)
    references = folder / "evening.wav", tmp_path / "part.wav"
    # All of the longer one is heard: it is named, and the part is not.
    _, lines = run(capsys, "match", *references, "--heard", folder / "whole.wav", "--json")
    assert [x["reference"] for x in lines] == ["evening"]
    # What both have is the part as far as one can tell, and the other is listed beside it.
    _, lines = run(capsys, "match", *references, "--heard", tmp_path / "inside.wav", "--json")
    assert [(x["reference"], x["others"]) for x in lines] == [("part", ["evening"])]
    assert lines[0]["offset_s"] == pytest.approx(1.0, abs=0.05)


def test_a_file_of_a_day_is_refused_before_it_is_read(folder, capsys, tmp_path):
    day = tmp_path / "day.wav"
    seconds = 24 * 3600
    with day.open("wb") as file:
        data = seconds * 8_000
        file.write(b"RIFF" + (data + 36).to_bytes(4, "little") + b"WAVEfmt " + bytes((16, 0, 0, 0)))
        file.write(bytes((7, 0, 1, 0)) + (8_000).to_bytes(4, "little") * 2 + bytes((1, 0, 8, 0)))
        file.write(b"data" + data.to_bytes(4, "little"))
        file.truncate(data + 44)  # a hole: nothing is on the disk
    code, lines = run(capsys, "match", folder / "evening.wav", "--heard", day, "--json")
    assert (code, lines[0]["kind"]) == (2, "audio.too_long")


def test_no_plot_without_a_match(folder, capsys, tmp_path):
    code, lines = run(
        capsys, "match", folder / "morning.wav", "--heard", folder / "whole.wav", "--json",
        "--plot", tmp_path / "m.png",
    )  # fmt: skip
    assert (code, lines[-1]["kind"]) == (1, "match.no_plot")
    assert lines[0]["verdict"] == "unknown"  # what was heard is told all the same
    assert list(tmp_path.iterdir()) == []


def test_a_radio_source_is_not_drawn_and_that_is_said_before_it_is_heard(folder, capsys, tmp_path):
    code, lines = run(
        capsys, "match", folder / "morning.wav", "--heard", "sim:is-not-even-opened.toml", "--json",
        "--plot", tmp_path / "m.png",
    )  # fmt: skip
    assert (code, [x["kind"] for x in lines]) == (2, ["match.no_plot"])


@pytest.mark.parametrize("option", ["--plot", "--delays"])
def test_an_output_that_cannot_be_is_told_before_anybody_listens(folder, capsys, tmp_path, option):
    code, lines = run(
        capsys, "match", folder / "morning.wav", "--heard", folder / "morning.wav", "--json",
        option, tmp_path / "none" / "m",
    )  # fmt: skip
    assert (code, len(lines)) == (4, 1)
    assert str(tmp_path / "none") in lines[0]["got"] + lines[0]["expected"] + lines[0]["try"]


def answer(second, verdict, reference=None, offset_s=None):
    return Answer(second, verdict, reference, offset_s, u_s=0.03, completeness=0.1)


def test_a_jump_within_a_reference_begins_a_new_piece():
    answers = [answer(n, "match", "a", 5.0 + n) for n in range(4)]
    answers += [answer(n, "match", "a", 9.0 + n) for n in range(4, 8)]
    assert [(p.from_s, p.to_s) for p in pieces_of(answers)] == [(0, 4), (4, 8)]


def test_a_single_second_between_goes_to_the_reference():
    answers = [answer(0, "inconclusive"), *(answer(n, "match", "a", float(n)) for n in (1, 2, 3))]
    answers += [answer(4, "unknown"), *(answer(n, "match", "a", float(n)) for n in (5, 6))]
    answers += [answer(7, "unknown"), answer(8, "unknown")]
    pieces = pieces_of(answers)
    assert [(p.from_s, p.to_s, p.first.verdict) for p in pieces] == [
        (0, 7, "match"),
        (7, 9, "unknown"),
    ]
