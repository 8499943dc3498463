"""One zone's sound as an RTP stream to its destinations."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from dsp.contract import Samples
from dsp.errors import Refusal
from dsp.packet.rtcp import ntp_from_unix
from loa.sending.description import describe, write_description
from loa.sending.options import FEC_PROFILES, address_of, key_of
from transmit.playout.schedule import ZoneSettings
from transmit.rtp.fan_out import FanOut
from transmit.rtp.payloads import CODECS, Payload, PayloadEncoder
from transmit.rtp.stream import Datagram, Kind, RtpStream

_REPORT_S = 2.0
_MOVED_S = 1e-3  # that is told at once: until then loudspeakers play by the moment before
_NS = 10**9


class ZoneStream:
    """Encodes and sends what it is given, at once; the caller keeps the pace.

    Parameters
    ----------
    zone
        Its settings.
    folder
        What files in them are relative to.
    held
        Closes the sockets.
    heard
        Is told every payload that goes out.
    """

    def __init__(
        self,
        zone: ZoneSettings,
        folder: Path,
        held: ExitStack,
        heard: Callable[[Payload], None] | None = None,
    ) -> None:
        self._heard = heard
        codec = CODECS[zone.codec]
        addresses = [address_of(text) for text in zone.rtp]
        key = None if zone.srtp_key_file is None else key_of(folder / zone.srtp_key_file)
        fec = FEC_PROFILES[zone.fec]
        try:
            self._encoder = PayloadEncoder(codec, zone.packet_ms, round(zone.bit_rate_kbps * 1000))
            self._media = held.enter_context(FanOut(addresses))
            control = [(host, port + 1) for host, port in addresses]
            self._control = held.enter_context(FanOut(control))
        except ValueError as error:
            raise _bad_zone(zone, str(error)) from error
        self._stream = RtpStream(codec, fec=fec, key=key)
        self._clock_hz = codec.clock_hz
        self._report_ticks = float("-inf")
        self._reported_unix_s = 0.0
        self._ticks = 0
        if zone.sdp is not None:
            session = describe(
                codec,
                addresses[0],
                packet_ms=self._encoder.packet_ms,
                fec=fec,
                key=key,
                name=zone.id,
                ttl=16,
            )
            write_description(folder / zone.sdp, session)

    @property
    def failed(self) -> int:
        """Datagrams that did not leave."""
        return self._media.failed + self._control.failed

    def send(self, samples: Samples, begun_unix_s: float) -> None:
        """Send the next samples; `begun_unix_s` is the time of the stream's first sample.

        Where that has moved (a machine that stood still), the loudspeakers are told at once.
        """
        has_moved = abs(begun_unix_s - self._reported_unix_s) > _MOVED_S
        for payload in self._encoder.encode(samples):
            self._stream.renew_source_if_due()
            due = payload.ticks - self._report_ticks >= _REPORT_S * self._clock_hz
            if due or has_moved or self._stream.needs_report:
                self._report_ticks, has_moved = payload.ticks, False
                self._reported_unix_s = begun_unix_s
                unix_ns = round((begun_unix_s + payload.ticks / self._clock_hz) * _NS)
                self._put(self._stream.report(ntp_from_unix(unix_ns), payload.ticks))
            for datagram in self._stream.send(payload):
                self._put(datagram)
            if self._heard is not None:
                self._heard(payload)
            self._ticks = payload.ticks + payload.duration

    def say_goodbye(self) -> None:
        """Tell the listeners that no more comes."""
        for datagram in self._stream.finish(self._ticks):
            if datagram.kind is Kind.CONTROL:
                self._put(datagram)

    def _put(self, datagram: Datagram) -> None:
        (self._control if datagram.kind is Kind.CONTROL else self._media).send(datagram.data)


def _bad_zone(zone: ZoneSettings, got: str) -> Refusal:
    return Refusal(
        "schedule.value",
        expected=f"zone {zone.id}: packet_ms of its codec, rtp of one family",
        got=got,
        advice="mending that value",
    )
