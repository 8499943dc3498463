"""IQ recordings on disk, whole or not at all: cu8, cs8, cs16, cf32, WAV and SigMF.

    with IqFile(Path("band.sigmf"), recording) as file:
        for block in blocks:
            file.write(block)
        file.commit()

The extension chooses the form. Bare files hold samples and nothing else; WAV is 16-bit with I on
the left and Q on the right; SigMF is a pair of files, BAND.sigmf-data with cu8 samples and
BAND.sigmf-meta with rate, frequency, time and SHA-512, checked against SigMF's own schema.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dsp.errors import Refusal
from transmit.atomic import OutputSet, failures_refused
from transmit.iq_samples import IqForm, encode_iq
from transmit.wav import WavWriter

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType

    import numpy.typing as npt

FORMS: dict[str, IqForm] = {
    ".cu8": "cu8",
    ".cs8": "cs8",
    ".cs16": "cs16",
    ".cf32": "cf32",
    ".wav": "cs16",
    ".sigmf": "cu8",
}
_SIGMF_DATATYPES = {"cu8": "cu8", "cs8": "ci8", "cs16": "ci16_le", "cf32": "cf32_le"}
_BUFFER = 1 << 20


@dataclass(frozen=True)
class Recording:
    """What a recording is of.

    `start_utc` is the time of the first sample, aware; the texts go into SigMF.
    """

    rate_hz: int
    centre_hz: float
    start_utc: datetime
    hardware: str = ""
    description: str = ""
    recorder: str = "loa simulate"


def iq_form(path: Path) -> IqForm:
    """Return the form of samples that a file of this name holds.

    Raises
    ------
    Refusal
        "output.format" for another extension.
    """
    form = FORMS.get(path.suffix.lower())
    if form is None:
        raise Refusal(
            "output.format",
            expected=f"a name that ends in {' '.join(FORMS)}",
            got=path.name,
            advice=f"-o {path.stem}.cu8",
        )
    return form


class IqFile:
    """A recording being written; a context manager that leaves nothing behind unless committed.

    Parameters
    ----------
    path
        Its extension chooses the form, see `FORMS`.
    recording
        What it is of.
    beside
        Other files that appear with it or not at all; write them to `part(path)` before `commit`.

    Raises
    ------
    Refusal
        "output.format" for another extension, "output.…" where it cannot be made there.
    """

    def __init__(self, path: Path, recording: Recording, beside: tuple[Path, ...] = ()) -> None:
        self.form: IqForm = iq_form(path)
        self.path = path
        self.samples = 0
        self._recording = recording
        self._sigmf = path.suffix.lower() == ".sigmf"
        self._data = path.with_suffix(".sigmf-data") if self._sigmf else path
        self._meta = path.with_suffix(".sigmf-meta") if self._sigmf else None
        self.outputs = [self._data, *([self._meta] if self._meta else [])]
        everything = [*self.outputs, *beside]
        if len({each.absolute() for each in everything}) < len(everything):
            raise Refusal(
                "output.twice",
                expected="a file of its own for every output",
                got=", ".join(map(str, everything)),
                advice="another name for one of them",
            )
        self._set = OutputSet(everything)
        self._sha256 = hashlib.sha256()
        self._sha512 = hashlib.sha512() if self._sigmf else None
        self._file = self._set.part(self._data).open("w+b", _BUFFER)
        is_wav = path.suffix.lower() == ".wav"
        self._wav = WavWriter(self._file, recording.rate_hz, 2) if is_wav else None

    def write(self, samples: npt.NDArray[Any]) -> None:
        """Append complex64 (n,) or interleaved uint8 (2n,).

        Raises
        ------
        Refusal
            "output.disk_full" and the like; nothing appears then.
        """
        numbers = encode_iq(samples, self.form)
        with failures_refused(self.path):
            if self._wav is not None:
                self._wav.write(numbers.reshape(-1, 2))
            else:
                self._file.write(numbers.data)
        self._sha256.update(numbers.data)
        if self._sha512 is not None:
            self._sha512.update(numbers.data)
        self.samples += len(numbers) // 2

    def part(self, path: Path) -> Path:
        """Return where to write a file of `beside` until it appears."""
        return self._set.part(path)

    def commit(self) -> str:
        """Complete the file, put it in place and return the SHA-256 of its samples.

        That is the digest of the whole file except for WAV, whose header does not count.
        """
        with failures_refused(self.path):
            if self._wav is not None:
                self._wav.finish()
            self._file.close()
            if self._meta is not None:
                text = json.dumps(self._metadata(), indent=4, ensure_ascii=False) + "\n"
                self._set.part(self._meta).write_text(text, encoding="utf-8")
        self._set.commit()
        return self._sha256.hexdigest()

    def _metadata(self) -> dict[str, Any]:
        """Return the SigMF metadata after its own schema has accepted it."""
        from sigmf import SigMFFile, keys

        about = self._recording
        assert self._sha512 is not None
        moment = about.start_utc.isoformat(timespec="microseconds").replace("+00:00", "Z")
        described = {keys.HW_KEY: about.hardware, keys.DESCRIPTION_KEY: about.description}
        whole = {
            keys.DATATYPE_KEY: _SIGMF_DATATYPES[self.form],
            keys.SAMPLE_RATE_KEY: about.rate_hz,
            keys.SHA512_KEY: self._sha512.hexdigest(),
            keys.NUM_CHANNELS_KEY: 1,
            keys.RECORDER_KEY: about.recorder,
            **{key: value for key, value in described.items() if value},
        }
        recording = SigMFFile(global_info=whole)
        recording.add_capture(
            0, metadata={keys.FREQUENCY_KEY: about.centre_hz, keys.DATETIME_KEY: moment}
        )
        recording.validate()
        return dict(recording.ordered_metadata())

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was not committed."""
        try:
            self._file.close()
        except OSError:
            pass  # the disk is full: what could not be written is removed in any case
        finally:
            self._set.discard()
