"""An output of the relay: RTP to IP clusters."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from dsp.contract import Samples
from dsp.errors import Refusal
from loa.play.zone_stream import ZoneStream
from loa.relay.output_settings import RtpSettings
from loa.relay.own_ear import Ear, StreamEar
from loa.relay.paths import pad_samples
from transmit.live.delay_line import DelayLine
from transmit.live.live_master import LiveMaster
from transmit.playout.schedule import ZoneSettings
from transmit.rtp.payloads import CODECS, PayloadEncoder

_FEC_NEEDS_MS = {"none": 0.0, "normal": 1_100.0, "emergency": 1_600.0}


class RtpPath:
    """RTP to IP clusters."""

    kind = "rtp"

    def __init__(
        self,
        settings: RtpSettings,
        through_ms: float,
        master: LiveMaster,
        place: tuple[Path, str],
        held: ExitStack,
    ) -> None:
        folder, name = place
        self.name = f"rtp://{settings.to[0]}"
        self.profile = master.profile.name
        self.heard_after_ms = settings.heard_after_ms
        if settings.heard_after_ms < _FEC_NEEDS_MS[settings.fec]:
            raise Refusal(
                "relay.value",
                expected=f"heard_after_ms: {_FEC_NEEDS_MS[settings.fec]:g} or more with "
                f'fec = "{settings.fec}", and delay_ms of the loudspeakers alike',
                got=f"{settings.heard_after_ms:g}",
                advice="a longer delay in both, or less protection",
            )
        samples = pad_samples(self.name, through_ms, settings.heard_after_ms, master.delay_samples)
        self._delay = DelayLine(samples)
        self.ear = Ear(samples + master.delay_samples)
        self._codec = CODECS[settings.codec]
        self._own = StreamEar(self._codec, self.ear)
        zone = ZoneSettings(
            id=name,
            rtp=settings.to,
            codec=settings.codec,
            packet_ms=settings.packet_ms,
            bit_rate_kbps=settings.bit_rate_kbps,
            fec=settings.fec,
            srtp_key_file=settings.srtp_key_file,
            sdp=settings.sdp,
        )
        self._stream = ZoneStream(zone, folder, held, heard=self._own.hear)

    def process(self, mastered: Samples, begun_unix_s: float, *, active: bool) -> None:
        """Send the block that is due; packets say `begun_unix_s` for the stream's first sample."""
        del active
        delayed = self._delay.process(mastered[:, None])[:, 0]
        self._stream.send(np.ascontiguousarray(delayed), begun_unix_s)

    def end_programme(self) -> int:
        """Return how many samples are on their way."""
        return self._delay.delay_samples

    def about(self) -> dict[str, Any]:
        """Return how it goes."""
        return {"datagrams_failed": self._stream.failed}

    def rehearse(self, samples: Samples) -> None:
        """Encode and decode on twins."""
        own = StreamEar(self._codec, Ear(0))
        for payload in PayloadEncoder(self._codec).encode(samples):
            own.hear(payload)

    def finish(self) -> None:
        """Say goodbye."""
        self._stream.say_goodbye()
