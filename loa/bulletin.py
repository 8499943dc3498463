"""The main job: one bulletin in, its renditions for one target out, each proved after decoding.

Here the rooms meet: `ingest` decodes, `dsp` measures, `transmit` masters and encodes, and every
file goes back through `ingest` before anybody sees it. All outputs of a call appear, or none.
"""

from __future__ import annotations

import dataclasses
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsp.errors import Refusal
from dsp.measure.programme import ProgrammeMeter
from ingest.decode.decoder import Decoder
from loa.proof import LOUDNESS_TOLERANCE_LU, Proof, prove, trim_change_db
from loa.release import loa_version
from transmit.atomic import OutputSet
from transmit.chain import build_chain
from transmit.codecs.setting import setting_for
from transmit.encode import Encoded, encode
from transmit.intake import TakenIn
from transmit.mastering import master_taken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import Self

    from numpy.typing import NDArray

    from dsp.measure.figures import ProgrammeFigures
    from transmit.codecs.setting import Setting
    from transmit.mastered import MasteredProgramme
    from transmit.profile import Profile
    from transmit.target import Target

MOST_TRIMS = 6
# The limiter keeps its ceiling to 0.05 dB; this keeps that out of the proof.
_LIMITER_RESERVE_DB = 0.07
_LEAST_FM_RATE_HZ = 32_000


@dataclass(frozen=True)
class MasterRequest:
    """What is to be made of which file."""

    source: Path
    outputs: tuple[Path, ...]
    profile: Profile


@dataclass(frozen=True)
class Rendition:
    """One finished file and its proof."""

    output: Path
    profile: Profile
    encoded: Encoded
    before: ProgrammeFigures
    proof: Proof
    gain_db: float
    limited_by: str | None

    @property
    def holds(self) -> bool:
        """True where no peak is over the ceiling and the loudness is right, or known why not."""
        over_db = self.proof.peak_over_db(self.profile.target)
        return over_db is None or over_db <= 0

    def as_dict(self) -> dict[str, Any]:
        """Return the manifest (contract.md, `loa master`), JSON ready."""
        after = self.proof.figures
        setting = self.encoded.setting
        return {
            "output": str(self.output),
            "target": self.profile.name,
            "codec": setting.codec.name,
            "sha256": self.encoded.sha256,
            "bit_rate_bps": round(8 * self.encoded.size_bytes / after.duration_s),
            "duration_s": after.duration_s,
            "before": self.before.as_dict(),
            "after": after.as_dict(),
            "trim_db": round(self.encoded.trim_db, 3),
            "limited_by": self.limited_by,
            "gain_db": self.gain_db,
            "delay_samples": self.encoded.delay_samples,
            "deviation_peak_db": self.proof.deviation_peak_db,
            "faults": [fault.as_dict() for fault in self.before.faults],
            "profile": {
                "name": self.profile.name,
                "version": self.profile.version,
                "sha256": self.profile.digest,
            },
            "loa_version": loa_version(),
        }


@dataclass(frozen=True)
class MasterReport:
    """What became of a bulletin."""

    before: ProgrammeFigures
    renditions: tuple[Rendition, ...]
    mean_limiting_db: float
    mpx_power_dbr: float | None


def master_bulletin(
    request: MasterRequest,
    *,
    decoder: Decoder | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> MasterReport:
    """Measure, master, encode and prove one bulletin; put its renditions in place together.

    Raises
    ------
    Refusal
        For a source that cannot be used, an output that cannot be written, or a rendition whose
        peaks cannot be brought under the ceiling. No output appears then.
    """
    if decoder is None:
        with Decoder() as own:
            return master_bulletin(request, decoder=own, progress=progress)
    tell = progress or (lambda _label, _share: None)
    require_distinct(request)
    settings = [_setting(path, request.profile) for path in request.outputs]
    with OutputSet(request.outputs) as outputs:
        tell("measuring", 0.05)
        with measured_intake(decoder, request) as intake:
            tell("mastering", 0.2)
            before, programme = intake.before, mastered_programme(request, intake)
        with programme:
            tell("encoding", 0.5)
            works = [
                _Work(programme, outputs.part(path), setting, request.profile.target)
                for path, setting in zip(request.outputs, settings, strict=True)
            ]
            finished = _encode_and_prove(decoder, works, tell)
            report = programme.report
        renditions = tuple(
            Rendition(
                path,
                request.profile,
                encoded,
                before,
                proof,
                report.gain_db,
                limited_by(report.limited_by, encoded, proof, request.profile.target),
            )
            for path, (encoded, proof) in zip(request.outputs, finished, strict=True)
        )
        outputs.commit()
    return MasterReport(before, renditions, report.mean_limiting_db, report.mpx_power_dbr)


def require_distinct(request: MasterRequest) -> None:
    """Refuse outputs that are named twice or that would overwrite the source."""
    places = [path.resolve() for path in request.outputs]
    twice = next((path for path in places if places.count(path) > 1), None)
    if twice is not None or request.source.resolve() in places:
        raise Refusal(
            "output.same",
            expected="outputs that differ from each other and from the source",
            got=f"{twice or request.source} twice",
            advice="another name",
        )


def limited_by(
    master_limited_by: str | None, encoded: Encoded, proof: Proof, target: Target
) -> str | None:
    """Say what kept a rendition from its loudness, or None where it has it."""
    loudness = proof.figures.integrated_lufs
    if loudness is None:
        return "silence"
    if abs(loudness - target.loudness_lufs) <= LOUDNESS_TOLERANCE_LU:
        return None
    if master_limited_by is not None:
        return master_limited_by
    return "codec_peaks" if encoded.trim_db < 0 else "codec_band"


def _setting(path: Path, profile: Profile) -> Setting:
    # The source is not open yet: these are the most channels that the profile can make of it.
    width = profile.target.channel_count(2)
    wanted = profile.codecs.get(path.suffix.lower().removeprefix("."))
    setting = setting_for(path, profile.target.sample_rate_hz, width, wanted)
    if profile.target.fm is not None and setting.sample_rate_hz < _LEAST_FM_RATE_HZ:
        raise Refusal(
            "output.extension",
            expected="a codec that carries the 15 kHz of an FM programme",
            got=f"{path.suffix} at {setting.sample_rate_hz} Hz",
            advice=".flac, .wav, .mp3, .m4a or .opus",
        )
    return setting


@dataclass(frozen=True)
class MeasuredIntake:
    """A source that was measured and taken in for a target, in one decoding; close it after use."""

    before: ProgrammeFigures
    taken: TakenIn

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Free the disk."""
        self.taken.close()


def measured_intake(decoder: Decoder, request: MasterRequest) -> MeasuredIntake:
    """Decode the source once: measure it, and lay it down at the target's rate and channels."""
    with decoder.open(request.source) as audio:
        rate_hz, channels = audio.format.sample_rate_hz, audio.format.channels
        meter = ProgrammeMeter(rate_hz, channels)

        def measured() -> Iterator[NDArray[Any]]:
            for block in audio.blocks():
                meter.process(block)
                yield block

        taken = TakenIn(measured(), (rate_hz, channels), request.profile.target)
    return MeasuredIntake(meter.result(), taken)


def mastered_programme(request: MasterRequest, intake: MeasuredIntake) -> MasteredProgramme:
    """Master what was taken in for the profile's target; the caller closes what comes back."""
    profile = request.profile
    target = profile.target
    # Every rendition of a profile comes from the same master, whatever is asked for beside it: the
    # headroom is that of the codec which needs most.
    headroom_db = max((codec.headroom_db for codec in profile.codecs.values()), default=0.0)
    inner = dataclasses.replace(
        target, ceiling_dbtp=target.ceiling_dbtp - headroom_db - _LIMITER_RESERVE_DB
    )
    width = target.channel_count(intake.before.channels)
    chain = build_chain(profile, target.sample_rate_hz, width, intake.before)
    return master_taken(intake.taken, chain, inner)


@dataclass(frozen=True)
class _Work:
    """One rendition to be encoded and proved."""

    programme: MasteredProgramme
    part: Path
    setting: Setting
    target: Target

    def encode(self, trim_db: float) -> Encoded:
        width = min(self.setting.channels, self.programme.channels)
        setting = dataclasses.replace(self.setting, channels=width)
        source = (self.programme.sample_rate_hz, self.programme.channels)
        return encode(self.programme.blocks(), source, self.part, setting, trim_db=trim_db)


def _encode_and_prove(
    decoder: Decoder, works: Sequence[_Work], tell: Callable[[str, float], None]
) -> list[tuple[Encoded, Proof]]:
    """Encode all side by side; prove each as it is ready."""
    finished = []
    with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        encodings = [pool.submit(work.encode, 0.0) for work in works]
        for done, (work, encoding) in enumerate(zip(works, encodings, strict=True), 1):
            finished.append(_settle(decoder, work, encoding.result()))
            tell("proving", 0.5 + 0.5 * done / len(works))
    return finished


def _settle(decoder: Decoder, work: _Work, encoded: Encoded) -> tuple[Encoded, Proof]:
    """Prove a rendition and encode it again at another level until it holds."""
    full_loudness = work.programme.limited_by is None
    for _ in range(MOST_TRIMS):
        proof = prove(decoder, work.part, work.target)
        change_db = trim_change_db(proof, work.target, full_loudness=full_loudness)
        if change_db == 0.0:
            return encoded, proof
        # A codec that answers a raise with a new peak is only ever lowered from then on.
        full_loudness = full_loudness and change_db > 0
        encoded = work.encode(encoded.trim_db + change_db)
    raise Refusal(
        "rendition.peaks",
        expected=f"peaks at or below {work.target.ceiling_dbtp:g} dBTP after decoding",
        got=f"higher ones after {MOST_TRIMS} tries",
        advice="a higher bit rate in the profile, and please report the file",
    )
