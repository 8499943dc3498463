"""The work of `loa match`: references in, what was heard beside them, pieces out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsp.errors import Refusal
from dsp.recognise.reference_index import ReferenceIndex
from ingest.decode.decoder import Decoder
from ingest.reference.recogniser import Recogniser
from ingest.reference.sound import print_file
from ingest.reference.store import is_index, open_store
from ingest.watch.delay_history import DelayHistory
from loa import reporting
from loa.progress import Progress
from loa.recognising import delays
from loa.recognising.heard import Heard, hear_file, hear_radio, is_radio
from loa.recognising.live_opinion import LiveOpinion, ReferenceSounds, take_opinion
from loa.recognising.opinion import ask_about
from loa.recognising.pieces import Piece, pieces_of
from loa.recognising.plot import draw_match, require_audio
from transmit.atomic import OutputSet

EXIT_NO_MATCH = 1
# A file is judged knowing what follows: the first seconds of a programme are named too.
LOOK_AHEAD_S = 10


@dataclass(frozen=True)
class MatchRequest:
    """What the command line asks for."""

    references: Sequence[Path]
    heard: str
    plot: Path | None = None
    delays: Path | None = None
    seconds: float | None = None
    centre_hz: float | None = None
    rate_hz: int | None = None
    as_json: bool = False


@dataclass
class References:
    """What may be heard, and the audio file of each."""

    index: ReferenceIndex
    paths: dict[str, Path]


def match_heard(request: MatchRequest) -> int:
    """Do what `request` asks for; return the exit code of the command."""
    if request.plot is not None:
        require_audio(request.heard)
    files = [path for path in request.references if not is_index(path)]
    wanted = [path for path in (request.plot, request.delays) if path is not None]
    # Outputs first: nobody listens for an hour to hear that a folder is not there.
    with OutputSet(wanted) as outputs, Decoder(files=files) as decoder:
        with Progress() as progress:
            references = load_references(decoder, request.references, progress)
            progress.start(request.heard)
            found = _found(request, decoder, references)
        _tell(found, as_json=request.as_json)
        if request.delays is not None:
            history = _history(request, decoder, references, found)
            outputs.part(request.delays).write_text(delays.json_lines(history), encoding="utf-8")
            for sentence in delays.sentences(history):
                reporting.note(sentence)
        if request.plot is not None:
            outputs.part(request.plot).write_bytes(draw_match(request, decoder, references, found))
        outputs.commit()
    pieces = [piece for _, own in found for piece in own]
    matched = any(piece.first.verdict == "match" for piece in pieces)
    return EXIT_NO_MATCH if not matched or any(piece.bad for piece in pieces) else 0


def _found(
    request: MatchRequest, decoder: Decoder, references: References
) -> list[tuple[Heard, list[Piece]]]:
    """Return what was heard in pieces, each with its second opinion."""
    streams = _streams(request, decoder, references)
    found = [(heard, pieces_of(heard.honest())) for heard in streams]
    unasked: dict[Path, str] = {}
    for heard, pieces in found:
        for piece in pieces:
            if is_radio(request.heard):
                take_opinion(piece, heard.asked)
            elif piece.first.reference is not None:
                path = references.paths[piece.first.reference]
                refusal = ask_about(decoder, piece, path, Path(request.heard))
                if refusal is not None:
                    unasked[path] = refusal.got
    for path, why in unasked.items():
        reporting.note(f"{path}: {why}: no second opinion, and the delay from the fingerprint")
    return found


def _streams(request: MatchRequest, decoder: Decoder, references: References) -> Iterable[Heard]:
    """Return what was heard: a file, or every station of a radio source."""

    def make(rate_hz: int) -> Recogniser:
        return Recogniser(references.index, rate_hz=rate_hz, look_ahead_s=LOOK_AHEAD_S)

    if not is_radio(request.heard):
        return [hear_file(decoder, Path(request.heard), make, request.seconds)]
    sounds = ReferenceSounds(decoder, references.paths)
    names = list(references.paths)
    return hear_radio(
        request.heard,
        make,
        lambda rate_hz: LiveOpinion(sounds, names, rate_hz),
        seconds=request.seconds,
        centre_hz=request.centre_hz,
        rate_hz=request.rate_hz,
    )


def _history(
    request: MatchRequest, decoder: Decoder, references: References, found: delays.Found
) -> DelayHistory:
    """Return the history of delay of what was heard."""
    if is_radio(request.heard):
        return delays.history_of_stations(found)
    return delays.history_of_file(decoder, found, references.paths, Path(request.heard))


def load_references(
    decoder: Decoder, named: Sequence[Path], progress: Progress | None = None
) -> References:
    """Return the references that are named: audio files, and everything in index folders.

    A single index is searched where it lies, mapped; files beside it are added in memory.

    Raises
    ------
    Refusal
        Of the decoder or the store; "match.duplicate" for two references of one id;
        "match.no_reference" if there is none.
    """
    index = ReferenceIndex()
    paths: dict[str, Path] = {}
    for folder in [path for path in named if path.is_dir()]:
        with open_store(folder) as store:
            for segment, alive in store.index.segments:
                names = {n for n, lives in zip(segment.ids, alive, strict=True) if lives}
                _require_new(names, paths)
                removed = {n for n, lives in enumerate(alive) if not lives}
                index.restore(segment, removed)
                paths.update({name: Path(store.sources[name].path) for name in names})
    files = [path for path in named if not path.is_dir()]
    stems = [path.stem for path in files]
    prints = []
    for path in files:
        if progress is not None:
            progress.start(path.name)
        name = path.stem if stems.count(path.stem) == 1 else str(path)
        _require_new({name}, paths)
        prints.append((name, print_file(decoder, path)[0]))
        paths[name] = path
    index.add_many(prints)
    if not paths:
        raise Refusal(
            "match.no_reference",
            expected="one reference at least",
            got=f"an index that holds none: {', '.join(map(str, named))}",
            advice="`loa index add` with the audio files of what may be heard",
        )
    return References(index, paths)


def _require_new(names: set[str], known: dict[str, Any]) -> None:
    twice = names & set(known)
    if twice:
        raise Refusal(
            "match.duplicate",
            expected="references of different ids",
            got=f"{min(twice)!r} twice",
            advice="naming each reference once",
        )


def _tell(found: list[tuple[Heard, list[Piece]]], *, as_json: bool) -> None:
    for heard, pieces in found:
        for piece in pieces:
            line = piece.as_dict(heard.name)
            if as_json:
                reporting.print_json("match", line)
            else:
                sys.stdout.write(_sentence(line) + "\n")
        if not pieces and not as_json:
            sys.stdout.write(f"{heard.name}: too short to tell\n")


def _sentence(line: dict[str, Any]) -> str:
    start = f"{line['heard']}  {line['from_s']:>5}–{line['to_s']:<5} s  {line['verdict']:12}"
    others = f"  also {', '.join(line['others'])}" if line["others"] else ""
    if line["verdict"] != "match":
        return start + (f" {line['reference']}" if line["reference"] else "") + others
    u, gain_db = line["u"], line["gain_db"]
    gain = "" if gain_db is None else f"  {gain_db:+.1f} ± {u['gain_db']} dB"
    return (
        f"{start} {line['reference']}  at {line['offset_s']:.2f} s  "
        f"{line['completeness_percent']:.0f} % heard  "
        f"{round(line['delay_ms'], 1) + 0.0:+.1f} ± {u['delay_ms']:.1f} ms{gain}{others}"
    )
