"""The multiplex live on a sound card that feeds an exciter: 192 kHz, one channel, 1.0 = 100 kHz.

sounddevice and the PortAudio behind it are loaded here and nowhere else in this room; what is
missing is told in one line with the command that mends it. Writing blocks while the card's buffer
is full: the card's clock sets the pace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from dsp.errors import Refusal
from dsp.fm.constants import COMPOSITE_RATE_HZ

if TYPE_CHECKING:
    from types import TracebackType

    from dsp.contract import Samples

_LATENCY_S = 0.5


class CardSink:
    """Plays a multiplex on the card named, or on the machine's first choice.

    Attributes
    ----------
    latency_s
        From a sample written to the jack.
    underflows
        How often the card ran dry: each is a gap on the air.

    Raises
    ------
    Refusal
        "sound_card.missing" (exit code 3) without library or card; "sound_card.rate" where the card
        cannot play 192 kHz.
    """

    kind = "card"

    def __init__(self, name: str | None) -> None:
        library = _sound_library()
        self.underflows = 0
        try:
            library.check_output_settings(name, 1, "float32", samplerate=COMPOSITE_RATE_HZ)
            self._stream = library.OutputStream(
                device=name,
                channels=1,
                dtype="float32",
                samplerate=COMPOSITE_RATE_HZ,
                latency=_LATENCY_S,
            )
            self._stream.start()
            self.latency_s = float(self._stream.latency)
        except ValueError as error:  # no card of that name, or several
            raise _no_card(str(error).splitlines()[0]) from error
        except library.PortAudioError as error:
            if not any(device["max_output_channels"] for device in library.query_devices()):
                raise _no_card("no card that plays") from error
            raise Refusal(
                "sound_card.rate",
                expected=f"a card that plays {COMPOSITE_RATE_HZ} Hz",
                got=str(error).splitlines()[0],
                advice="a card made for 192 kHz, by its name: -o card:NAME",
                exit_code=3,
            ) from error

    def write(self, composite: Samples) -> None:
        """Play samples; returns when the card has taken them."""
        self.underflows += bool(self._stream.write(composite[:, None]))

    def commit(self) -> None:
        """Wait until all has been heard."""
        self._stream.stop()

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the card."""
        self._stream.close(ignore_errors=True)


def _sound_library() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise _no_card("no sounddevice", ".venv/bin/uv sync --inexact --extra soundcard") from None
    except (OSError, AttributeError) as error:
        raise _no_card(str(error), "sudo apt-get install -y libportaudio2") from None
    return sounddevice


def _no_card(got: str, advice: str = "aplay -l, and -o card:NAME") -> Refusal:
    return Refusal(
        "sound_card.missing",
        expected="a sound card that plays a multiplex",
        got=got,
        advice=advice,
        exit_code=3,
    )
