"""The loop of `loa play`: every 20 ms each zone plays what its timeline wants.

Time is UTC as `SteadyClock` has it, in steps of 20 ms of the monotonic clock. A step of the wall
clock that lasts is followed: the streams go on without a gap, what they play turns to where the
clock says. A clock before the newest bulletin's acceptance is wrong, and not followed.
"""

from __future__ import annotations

import json
import queue
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from dsp.errors import Refusal
from ingest.clock import Clock, SystemClock
from ingest.decode.decoder import Decoder
from loa import reporting
from loa.device.steady_clock import SteadyClock
from loa.interrupt import Interrupt
from loa.play.intake import BulletinIntake, Failed
from loa.play.pipe_relay import PipeRelay
from loa.play.recordings import Recordings
from loa.play.zone_stream import ZoneStream
from loa.real_time import RealTime
from transmit.atomic import OutputSet
from transmit.playout.inbox import Taken
from transmit.playout.mixer import Mixer
from transmit.playout.programme import DAY_MS, Clash, Inputs, clashes, timeline
from transmit.playout.schedule import read_schedule
from transmit.playout.status import StatusBook, time_of
from transmit.playout.timeline import Part
from transmit.playout.zone_player import SAMPLES_PER_MS, ZonePlayer

BLOCK_SAMPLES = 960
BLOCK_S = 0.02
_RATE_HZ = 48_000
_AHEAD_MS = 2 * DAY_MS
_LAID_OUT_FOR_MS = DAY_MS // 24
_FOLLOWED_S = 0.25
_LAID_OUT_AGAIN_S = 600.0
_MOST_BYTES = 4 << 20


@dataclass
class _Zone:
    name: str
    player: ZonePlayer
    stream: ZoneStream
    book: StatusBook


class Playout:
    """A schedule being played; a context manager.

    Parameters
    ----------
    path
        SCHEDULE.toml; what it names is relative to its folder.
    clock
        The clocks.

    Attributes
    ----------
    schedule
        As read.
    intake
        Of bulletins; None where the schedule has none.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.schedule = read_schedule(_content(path))
        self._folder = path.resolve().parent
        self._clock = clock
        with ExitStack() as held:
            self._open(held)
            self._held = held.pop_all()

    def _open(self, held: ExitStack) -> None:
        schedule = self.schedule
        self._steady = SteadyClock(self._clock)
        self._state = self._folder / schedule.state if schedule.state is not None else None
        self._recordings = Recordings(_cache(self._folder, self._state, held))
        relays = self._open_relays(held)
        with Decoder() as decoder:
            lengths = self._decode_all(decoder)
            exercise = schedule.exercise
            part = None if exercise is None else Part(exercise, lengths[exercise])
            self.intake: BulletinIntake | None = None
            if schedule.inbox is not None:
                self.intake = BulletinIntake(
                    schedule, self._folder, self._recordings, part, self._clock
                )
                held.callback(self.intake.close)
                self.intake.prepare(decoder)
        heard = () if self.intake is None else self.intake.heard
        self._inputs = Inputs(schedule, lengths, heard)
        known = set(lengths) | {part.key for one in heard for part in one.parts}
        self._recordings.keep_only(known)
        self._begun_s = self._steady.utc_s()
        self._begun_monotonic_s = self._clock.monotonic_s()
        self._inputs = replace(self._inputs, begun_ms=self._first_seen(self.now_ms))
        self._zones = [self._zone(zone.id, relays, held) for zone in schedule.zone]
        self._blocks = 0
        self._shift = 0
        self._lay_out()

    @property
    def now_ms(self) -> int:
        """The time by which the zones go."""
        return int(self._steady.utc_s() * 1000)

    def clashes(self) -> list[Clash]:
        """Return the clashes of the coming week."""
        return clashes(self._inputs, self.now_ms, self.now_ms + 7 * DAY_MS)

    def step(self) -> list[dict[str, Any]]:
        """Render and send the next 20 ms of every zone; return the records this gives rise to.

        The caller keeps the pace: block k is due (k + 1) · 20 ms after the first call.
        """
        records = self._take_news()
        self._follow_clock()
        position = self._position()
        if position // SAMPLES_PER_MS >= self._laid_out_to_ms:
            self._lay_out()
        end_ms = (position + BLOCK_SAMPLES) / SAMPLES_PER_MS
        for zone in self._zones:
            samples, told = zone.player.render(position, BLOCK_SAMPLES)
            zone.stream.send(samples, self._begun_s + self._shift / _RATE_HZ)
            endings = zone.player.timeline.endings
            records += zone.book.rendered(told, endings)
            records += zone.book.ended(endings, end_ms)
        self._blocks += 1
        return records

    def say_goodbye(self) -> None:
        """End the streams."""
        for zone in self._zones:
            zone.stream.say_goodbye()

    def close(self) -> None:
        """Let go of everything."""
        self._held.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of everything."""
        self.close()

    def _position(self) -> int:
        begun = round(self._begun_s * 1000) * SAMPLES_PER_MS
        return begun + self._shift + self._blocks * BLOCK_SAMPLES

    def _follow_clock(self) -> None:
        """Turn to where the clock says, where that is somewhere else for good."""
        if self._blocks == 0:  # opening took its time
            self._begun_s, self._begun_monotonic_s = self._steady.utc_s(), self._clock.monotonic_s()
        # Against the monotonic clock, not against the blocks: that a block is late is no step.
        passed_s = self._clock.monotonic_s() - self._begun_monotonic_s
        wrong_s = self._steady.utc_s() - self._begun_s - passed_s - self._shift / _RATE_HZ
        if abs(wrong_s) < _FOLLOWED_S:
            return
        newest_ms = max((one.accepted_ms for one in self._inputs.heard), default=0)
        if self._steady.utc_s() * 1000 < newest_ms:
            return
        self._shift += round(wrong_s * 1000) * SAMPLES_PER_MS
        if abs(wrong_s) > _LAID_OUT_AGAIN_S:
            self._lay_out()

    def _lay_out(self) -> None:
        now_ms = self._position() // SAMPLES_PER_MS
        for zone in self._zones:
            laid_out = timeline(self._inputs, zone.name, now_ms, now_ms + _AHEAD_MS)
            zone.player.timeline = laid_out
        self._laid_out_to_ms = now_ms + _LAID_OUT_FOR_MS

    def _take_news(self) -> list[dict[str, Any]]:
        if self.intake is None:
            return []
        records = []
        try:
            while True:
                news = self.intake.news.get_nowait()
                records.append(self._record_of(news))
                if isinstance(news, Taken) and news.heard is not None:
                    heard = (*self._inputs.heard, news.heard)
                    self._inputs = replace(self._inputs, heard=heard)
                    self._lay_out()
        except queue.Empty:
            return records

    def _record_of(self, news: Taken | Failed) -> dict[str, Any]:
        record: dict[str, Any] = {"time": time_of(self._position() / SAMPLES_PER_MS)}
        if isinstance(news, Taken) and news.heard is not None:
            told = news.heard.bulletin
            more = {"event": "accepted", "name": news.heard.name, "priority": told.priority}
            return record | more | {"file": news.name, "test": told.test} | told.for_boards()
        why = news.refusal
        assert why is not None
        event = "refused" if isinstance(news, Taken) else "failing"
        named = {"file": news.name} if isinstance(news, Taken) else {}
        return record | {"event": event, "kind": why.kind, "reason": str(why)} | named

    def _zone(self, name: str, relays: dict[str, PipeRelay], held: ExitStack) -> _Zone:
        schedule = self.schedule
        zone = next(one for one in schedule.zone if one.id == name)
        fade = round(schedule.crossfade_ms * SAMPLES_PER_MS)
        player = ZonePlayer(
            self._recordings,
            relays,
            Mixer(fade, 10 ** (schedule.ceiling_dbfs / 20)),
            prepared=zone.prepared,
            chime=schedule.chime,
        )
        stream = ZoneStream(zone, self._folder, held)
        return _Zone(name, player, stream, StatusBook(name, self.now_ms))

    def _open_relays(self, held: ExitStack) -> dict[str, PipeRelay]:
        relays = {}
        for name in {item.live for item in self.schedule.item if item.live is not None}:
            relays[name] = PipeRelay(self._folder / name.removeprefix("pipe:"))
            held.callback(relays[name].close)
        return relays

    def _decode_all(self, decoder: Decoder) -> dict[str, int]:
        schedule = self.schedule
        named = [item.audio for item in schedule.item]
        named += [zone.prepared for zone in schedule.zone]
        named += [schedule.chime, schedule.exercise]
        keys = dict.fromkeys(name for name in named if name is not None)
        return {key: self._recordings.add(key, self._folder / key, decoder) for key in keys}

    def _first_seen(self, now_ms: int) -> dict[str, int]:
        """Return when each item that plays `now` was first read; kept where there is a state."""
        items = [item.id for item in self.schedule.item if item.when == "now"]
        path = None if self._state is None else self._state / "first_seen.json"
        before: dict[str, int] = {}
        if path is not None and path.exists():
            before = _first_seen_of(path)
        seen = {name: before.get(name, now_ms) for name in items}
        if path is not None and seen != before:
            with OutputSet([path]) as output:
                output.part(path).write_text(json.dumps(seen), encoding="utf-8")
                output.commit()
        return seen


def run_play(
    path: Path, seconds: float | None, *, as_json: bool, clock: Clock | None = None
) -> int:
    """Play until stopped, or for so many seconds; return the exit code."""
    clock = clock or SystemClock()
    pacer = RealTime(clock)
    with Playout(path, clock) as playout, Interrupt(on_stop=pacer.stop):
        for clash in playout.clashes():
            _tell(clash_record(clash), as_json=as_json)
        if playout.intake is not None:
            for name, why in playout.intake.passed_over:
                reporting.note(f"loa: {name} is not played: {why}")
            playout.intake.start()
        pacer.wait_until(0.0)
        block = 0
        while seconds is None or block * BLOCK_S < seconds:
            if not pacer.wait_until((block + 1) * BLOCK_S):
                break
            for record in playout.step():
                _tell(record, as_json=as_json)
            block += 1
        playout.say_goodbye()
    return 0


def clash_record(clash: Clash) -> dict[str, Any]:
    """Return a clash as a record of the status."""
    return {
        "time": time_of(clash.at_ms),
        "event": "clash",
        "loudspeaker": clash.loudspeaker,
        "first": clash.first,
        "second": clash.second,
        "overlap_s": clash.overlap_ms / 1000,
        "resolved": clash.resolved,
    }


def _tell(record: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        reporting.print_json("status", record)
        return
    words = (f"{key}={value}" for key, value in record.items() if value not in (None, {}, False))
    reporting.note("loa: " + " ".join(words))


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES)


def _cache(folder: Path, state: Path | None, held: ExitStack) -> Path:
    """Return where decoded recordings lie: with the state, else for this run only."""
    if state is not None:
        state.mkdir(parents=True, exist_ok=True)
        return state / "decoded"
    import tempfile

    del folder
    return Path(held.enter_context(tempfile.TemporaryDirectory(prefix="loa-play-")))


def _first_seen_of(path: Path) -> dict[str, int]:
    try:
        table = json.loads(path.read_bytes())
        return {str(name): int(at_ms) for name, at_ms in table.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise Refusal(
            "schedule.state",
            expected=f"times of items in {path}",
            got=str(error)[:100],
            advice=f"removing {path.name}: items that play now will play again",
            exit_code=4,
        ) from error
