"""What is told of the carrier itself, and whether it is strong enough for anything else.

Level and C/N are valid however weak the carrier is; below C/N 12 dB, beside another carrier, or
where it came or went within the second, nothing that a discriminator says of it is.
"""

from __future__ import annotations

import math

from dsp.receive.composite.grid import RATE_HZ
from dsp.receive.meters.envelope_meter import EnvelopeReading
from dsp.receive.meters.figure import Figure
from dsp.receive.meters.noise_floor import REFERENCE_BANDWIDTH_HZ, NoiseReading
from dsp.receive.meters.programme_state import OFF_AIR_CARRIER_DB

# Below this the discriminator's clicks set in and the parabola of FM noise no longer holds.
WEAK_DB = 12.0
# A beat with a second carrier that modulates the envelope's power by more than this is told.
CO_CHANNEL_SHARE = 0.2
# A carrier that loses 6 dB within half a millisecond has gone, or come: the noise between reads as
# deviation.
GONE_SHARE = 0.25
CAME_OR_WENT = "the carrier came or went"
OFF_AIR = "off air (no carrier)"
_LEVEL_DB = 1.5e-4
_CN_DB = 0.015


def carrier_figures(
    noise: NoiseReading, envelope: EnvelopeReading, bandwidth_hz: float
) -> dict[str, Figure]:
    """Return level, C/N, multipath and co-channel share of a second.

    `noise` is read from the composite, `envelope` from the channel, whose noise bandwidth is
    `bandwidth_hz`.
    """
    by_envelope_db = ratio_db(
        envelope.carrier * bandwidth_hz, envelope.noise * REFERENCE_BANDWIDTH_HZ
    )
    by_noise = Figure(noise.cn_db, 2.0 * math.hypot(4.34 * noise.relative, _CN_DB))
    by_envelope = Figure(by_envelope_db, 1.0)
    cn_db = by_envelope if min(by_envelope_db, noise.cn_db) < WEAK_DB + 2.0 else by_noise
    ratio = envelope.noise / max(envelope.carrier, 1e-20)
    # By the fourth moment a level is half as unsure again as by the second alone.
    spread_db = 6.5 * math.sqrt(min(ratio, 1.0) / RATE_HZ)
    level = Figure(envelope.level_dbfs, 2.0 * math.hypot(spread_db, _LEVEL_DB))
    # Of noise alone the envelope still makes some carrier; nobody should read that as a level.
    gone = OFF_AIR if carrier_over_noise_db(envelope) < OFF_AIR_CARRIER_DB else None
    return {
        "cn_db": cn_db.because(gone),
        "level_dbfs": level.because(gone),
        "multipath_share": Figure(envelope.multipath_share, 0.02),
        "co_channel_share": Figure(envelope.other_share, 0.05),
    }


def weakness(cn_db: Figure, envelope: EnvelopeReading) -> str | None:
    """Return why nothing else of this second is valid, None where the carrier is strong enough."""
    if cn_db.value is None or cn_db.invalid is not None or envelope.carrier <= 0.0:
        return OFF_AIR
    if cn_db.value < WEAK_DB and envelope.other_share > CO_CHANNEL_SHARE:
        return "another carrier on the channel"
    if cn_db.value < WEAK_DB:
        return f"weak signal (C/N {cn_db.value:.0f} dB)"
    if envelope.lowest_share < GONE_SHARE:
        return CAME_OR_WENT
    return None


def carrier_over_noise_db(envelope: EnvelopeReading) -> float:
    """Return carrier over noise in the channel, by the envelope alone."""
    return ratio_db(envelope.carrier, envelope.noise)


def ratio_db(power: float, other: float) -> float:
    """Ratio of two powers in dB, within -60 … 60."""
    ratio = max(power, 1e-20) / max(other, 1e-20)
    return min(max(10.0 * math.log10(ratio), -60.0), 60.0)
