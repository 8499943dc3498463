"""`loa match --delays`: how late each cluster was, over the whole time that it was heard.

A file is gone back to: every match is timed again in windows of ten seconds, five apart. A live
stream was timed when the second opinion was asked. Either way drift and jumps are those of one
reference on end; the history (`ingest.watch.delay_history`) is one line of JSON a window.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

import numpy as np

from dsp.align.delay_course import DelayCourse, DelayRecord, missing_record
from dsp.align.delay_tracker import DelayTracker
from dsp.align.reading import DelayReading
from dsp.errors import Refusal
from dsp.receive.meters.figure import Figure
from ingest.decode.decoder import Decoder
from ingest.watch.delay_history import DelayHistory
from loa.recognising.excerpt import RATE_HZ, excerpt
from loa.recognising.heard import Heard
from loa.recognising.live_opinion import WINDOW_S, Asked
from loa.recognising.pieces import Piece

LONGEST_S = 1_800.0  # of one match: what comes later is not timed again
_SHORTEST_S = 3.0
_TRACKED_S = 10.0
_SLACK_S = 0.5
_REACH_S = 1.0

Found = Sequence[tuple[Heard, Sequence[Piece]]]


def history_of_file(
    decoder: Decoder, found: Found, paths: Mapping[str, Path], heard: Path
) -> DelayHistory:
    """Return the history of a file that was matched; its only cluster is the file."""
    history = DelayHistory()
    for stream, pieces in found:
        for piece in pieces:
            if piece.first.verdict == "match" and piece.first.reference is not None:
                name = piece.first.reference
                for record in records_of_piece(decoder, piece, paths[name], heard):
                    history.add(stream.name, record, reference=name)
    return history


def history_of_stations(found: Found) -> DelayHistory:
    """Return the history of the stations of a radio source, from what was asked meanwhile."""
    history = DelayHistory()
    for stream, _ in found:
        for reference, record in records_of_asked(stream.asked):
            time = _time_of(stream.began, record)
            history.add(stream.name, record, reference=reference, time=time)
    return history


def records_of_piece(
    decoder: Decoder, piece: Piece, reference: Path, heard: Path
) -> list[DelayRecord]:
    """Time a match window by window; nothing where a sound is gone or the match is short."""
    length_s = min(LONGEST_S, float(len(piece.answers)))
    if length_s < _SHORTEST_S or piece.first.offset_s is None:
        return []
    begin_s = max(0.0, piece.first.offset_s - _SLACK_S)
    try:
        original = excerpt(decoder, reference, begin_s, length_s + 2 * _SLACK_S)
        sound = excerpt(decoder, heard, float(piece.from_s), length_s)
    except Refusal:
        # The file an index was made of may be gone: the fingerprint stands alone.
        return []
    window_s = min(_TRACKED_S, length_s)
    tracker = DelayTracker(
        RATE_HZ,
        reach_s=_REACH_S,
        window_s=window_s,
        step_s=window_s / 2.0,
        history=int(LONGEST_S),
    )
    # Silence behind both lets the last windows be timed: they wait for what may yet come.
    rest = np.zeros(round(3.0 * _REACH_S * RATE_HZ), np.float32)
    records = tracker.process(np.concatenate([original, rest]), sound)
    records += tracker.process(rest, rest)
    last_s = length_s - window_s / 2.0
    moved_s = piece.from_s - begin_s
    return [_moved(r, moved_s, float(piece.from_s)) for r in records if r.heard_s <= last_s + 0.5]


def records_of_asked(asked: Iterable[Asked]) -> Iterator[tuple[str, DelayRecord]]:
    """Yield reference and record of every opinion on a match, in order."""
    for reference, own in groupby(asked, key=lambda one: one.reference):
        course = DelayCourse()
        for one in own:
            middle_s = one.second + WINDOW_S / 2.0
            if one.delay_s is not None and one.u_delay_s is not None:
                known = one.opinion.reading or DelayReading(_none(), _none())
                delay = Figure(one.delay_s, one.u_delay_s)
                yield reference, course.add(middle_s, replace(known, delay=delay))
            elif one.opinion.verdict != "different":
                yield reference, missing_record(middle_s, _why(one))


def json_lines(history: DelayHistory) -> str:
    """Return every record as a line of JSON."""
    lines = [json.dumps(line) for name in history.clusters for line in history.lines(name)]
    return "".join(f"{line}\n" for line in lines)


def sentences(history: DelayHistory) -> Iterator[str]:
    """Yield a sentence for each cluster, and how far apart they are."""
    for name in history.clusters:
        told = history.summary(name)
        if told is None or told.median_ms is None:
            yield f"{name}: no window told a delay"
            continue
        drift = told.drift_ppm
        ppm = "" if drift.value is None else f", drift {drift.value:+.0f} ± {drift.u or 0:.0f} ppm"
        yield (
            f"{name}: delay {_signed(told.median_ms)} ms "
            f"({_signed(told.low_ms)} … {_signed(told.high_ms)}, "
            f"± {told.u_ms:.1f}) in {told.measured} windows, {told.refused} without{ppm}, "
            f"jumps: {told.jumps}"
        )
    apart_ms = history.apart_ms()
    if apart_ms is not None:
        yield f"latest and earliest are {apart_ms:.1f} ms apart"


def _signed(ms: float | None) -> str:
    """Return milliseconds to a tenth; none of them is minus nothing."""
    return "unknown" if ms is None else f"{round(ms, 1) + 0.0:+.1f}"


def _moved(record: DelayRecord, delay_s: float, heard_s: float) -> DelayRecord:
    """Return a record of excerpts as one of the whole sounds."""
    delay = record.delay
    if delay.value is not None and delay.invalid is None:
        delay = Figure(delay.value + delay_s, delay.u)
    return replace(record, heard_s=record.heard_s + heard_s, delay=delay)


def _time_of(began: datetime | None, record: DelayRecord) -> datetime | None:
    return None if began is None else began + timedelta(seconds=record.heard_s)


def _none() -> Figure:
    return Figure.missing("inconclusive")


def _why(one: Asked) -> str:
    reading = one.opinion.reading
    told = None if reading is None else reading.delay.invalid
    return told or f"inconclusive: {one.opinion.why or 'no delay'}"
