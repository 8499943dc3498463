"""A dongle on this machine, through pyrtlsdr: raw bytes, a thread of its own, a counted ring.

pyrtlsdr is imported when a dongle is asked for and not before (it is GPL-3 and optional). Its
`read_bytes_async` blocks the thread that calls it; its callback copies the buffer, which the driver
will use again, and returns. A dongle that is pulled out ends the call: it is looked for again, by
its serial number, with back-off, for ever. One that falls silent is opened anew.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from typing import TYPE_CHECKING, Any

from dsp.errors import Refusal
from ingest.iq.live_source import LiveSource, backoff_s

if TYPE_CHECKING:
    from ingest.clock import Clock
    from ingest.iq.rtl_tcp_protocol import TunerSettings

BUFFER_SAMPLES = 65_536  # 27 ms at 2.4 MS/s; a multiple of the 512 bytes of a USB packet
# What pyrtlsdr raises: ImportError without it, OSError without its library or dongle,
# AttributeError where the library is older than pyrtlsdr expects.
_NOT_THERE = (ImportError, OSError, AttributeError)


class RtlSdrSource(LiveSource):
    """Samples of one dongle.

    Parameters
    ----------
    serial
        Serial number; a small number is also taken as the place in the list of dongles; empty for
        the first one.
    library
        A module like `rtlsdr`, for tests.

    Raises
    ------
    Refusal
        rtl_sdr.missing or rtl_sdr.no_device, both with exit code 3.
    """

    def __init__(
        self, serial: str, settings: TunerSettings, clock: Clock, *, library: Any = None
    ) -> None:
        super().__init__(settings.rate_hz, settings.centre_hz, clock, buffer_samples=BUFFER_SAMPLES)
        self._library = library if library is not None else _load_library()
        self._settings = settings
        self._serial = serial
        self._waiting = threading.Event()
        self._device: Any = self._open()
        self._thread = threading.Thread(target=self._read, name="rtl_sdr", daemon=True)
        self._thread.start()

    def on_stall(self) -> None:
        """End the call that gives nothing any more; the thread opens the dongle anew."""
        self._cancel()

    def close(self) -> None:
        """Stop the dongle and end the stream."""
        super().close()
        self._waiting.set()
        self._cancel()
        self._thread.join(5.0)

    def _read(self) -> None:
        """Read, and open again whenever reading ends; the thread's whole life."""
        attempt = 0
        while not self.closed:
            device = self._device
            if device is not None:
                came = _Delivery(self)
                with contextlib.suppress(*_NOT_THERE):
                    device.read_bytes_async(came, 2 * BUFFER_SAMPLES)
                attempt = 0 if came.any else attempt
                self._device = None
                with contextlib.suppress(*_NOT_THERE):
                    device.close()
            if self.closed:
                return
            self._waiting.wait(backoff_s(attempt))
            attempt += 1
            if not self.closed:
                self._open_again()
        self._close_device()

    def _open_again(self) -> None:
        with contextlib.suppress(Refusal):
            self._device = self._open()
            self.ring.mark_break()
            self.note("reconnected", f"dongle {self._serial or 'number 0'} is back")

    def _open(self) -> Any:
        """Open the dongle and set it up."""
        try:
            device = self._library.RtlSdr(device_index=self._place())
        except _NOT_THERE as error:
            raise _no_device(f"no dongle that opens ({error})") from None
        try:
            self._set_up(device)
        except _NOT_THERE as error:
            with contextlib.suppress(*_NOT_THERE):
                device.close()
            raise _no_device(f"a dongle that refuses its settings ({error})") from None
        return device

    def _set_up(self, device: Any) -> None:
        settings = self._settings
        device.sample_rate = settings.rate_hz
        if settings.ppm:
            # librtlsdr calls it an error to set what is set already, and 0 is set already.
            device.freq_correction = settings.ppm
        if settings.centre_hz is not None:
            device.center_freq = round(settings.centre_hz)
        device.gain = "auto" if settings.gain_db is None else settings.gain_db
        if settings.bias_tee:
            device.set_bias_tee(True)

    def _place(self) -> int:
        """Return where in the list of dongles the wanted one is now."""
        try:
            serials = list(self._library.RtlSdr.get_device_serial_addresses())
        except _NOT_THERE as error:
            raise _no_device(f"no list of dongles ({error})") from None
        if self._serial in serials:
            return serials.index(self._serial)
        place = self._serial or "0"
        if place.isascii() and place.isdigit() and int(place) < len(serials):
            return int(place)
        listed = ", ".join(str(serial) for serial in serials) or "no dongle at all"
        raise _no_device(listed)

    def _cancel(self) -> None:
        device = self._device
        if device is not None:
            with contextlib.suppress(*_NOT_THERE):
                device.cancel_read_async()

    def _close_device(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            with contextlib.suppress(*_NOT_THERE):
                device.close()


class _Delivery:
    """The callback of the driver: copies a buffer into the ring."""

    def __init__(self, source: RtlSdrSource) -> None:
        self._source = source
        self.any = False

    def __call__(self, buffer: Any, _context: Any) -> None:
        """Take one buffer; it belongs to the driver and is used again after this."""
        self.any = True
        source = self._source
        source.ring.put(bytes(buffer), source._clock.monotonic_s())  # noqa: SLF001 - its own part


def _load_library() -> Any:
    try:
        return importlib.import_module("rtlsdr")
    except _NOT_THERE as error:
        raise Refusal(
            "rtl_sdr.missing",
            expected="pyrtlsdr with its library",
            got=str(error) or type(error).__name__,
            advice=".venv/bin/uv sync --inexact --extra radio",
            exit_code=3,
        ) from None


def _no_device(got: str) -> Refusal:
    return Refusal(
        "rtl_sdr.no_device",
        expected="an RTL-SDR dongle with that serial number",
        got=got,
        advice="plugging it in, then `rtl_test -t`; if it is busy: `sudo rmmod dvb_usb_rtl28xxu`",
        exit_code=3,
    )
