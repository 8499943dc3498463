"""A card has a crystal of its own: it reads an elastic line in its own thread, at its pace."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from dsp.contract import Samples
from dsp.playout.elastic_line import ElasticLine
from loa.relay.blocks import RATE_HZ

_BEGIN_S, _SPARE_S = 0.02, 0.05
_BLOCK = 960
_JOIN_S = 5.0


class CardReader:
    """Lets a card that blocks read at its own pace; `play` returns when it has taken a block."""

    latency_s = _SPARE_S + _BLOCK / RATE_HZ

    def __init__(self, name: str, play: Callable[[Samples], None]) -> None:
        self._play = play
        self._line = ElasticLine(_BEGIN_S, _SPARE_S)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"relay {name}", daemon=True)
        self._thread.start()

    def write(self, samples: Samples) -> None:
        """Take a block; raises what ended the card."""
        if self.error is not None:
            raise self.error
        with self._lock:
            self._line.write(samples)

    def about(self) -> dict[str, Any]:
        """Return how it is read."""
        return {"card_ppm": round(self._line.rate_ppm, 1), "ran_dry": self._line.ran_dry}

    def finish(self) -> None:
        """Let it play what is there, and end."""
        self._stopped.set()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while True:
            with self._lock:
                samples, flags = self._line.read(_BLOCK)
            if self._stopped.is_set() and not flags.any():
                return
            try:
                self._play(samples)
            except Exception as error:  # noqa: BLE001 - raised again by the relay's own thread
                self.error = error
                return
