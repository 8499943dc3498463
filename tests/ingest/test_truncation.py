"""A file of each format, cut at every byte: a refusal that says so, or finite samples."""

import os

import pytest

from tests.ingest.samples import FORMATS, outcome, read, small_file

# Raw codings have no header and no length: every cut of one is a whole, shorter file.
RAW = {"g722", "ulaw", "alaw"}
# What a cut file may be called; a few bytes of it are no known kind of file at all.
CUT = {"audio.truncated", "audio.damaged", "audio.empty", "audio.not_audio"}


@pytest.mark.parametrize("kind", [*FORMATS, "rf64", "w64"])
def test_cut_at_every_byte(decoder, tmp_path, kind):
    whole = small_file(kind)
    assert len(whole) < 6000, "too large to be cut at every byte"
    path = tmp_path / f"cut.{kind}"
    path.write_bytes(whole)
    _, samples = read(decoder, path)
    heard = {}
    for size in range(len(whole) - 1, -1, -1):
        os.truncate(path, size)
        heard[size] = outcome(decoder, path)
    assert heard[0] == "audio.empty"
    good = {size: frames for size, frames in heard.items() if isinstance(frames, int)}
    assert {kind for kind in heard.values() if isinstance(kind, str)} <= CUT
    assert all(frames <= len(samples) for frames in good.values())
    if kind in RAW:
        assert len(good) >= len(whole) - 2
    print(
        kind,
        len(whole),
        len(samples),
        len(good),
        sorted(set(good)),
        sorted(good)[:3],
        sorted(good)[-3:],
    )
