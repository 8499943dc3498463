"""Programs of the performance: each a `loa` of its own, heard out by a thread.

The thread reads whatever is said at once: a program whose words nobody takes stands still, sound
and all. Who waits for a line waits for a minute at most.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from typing import Any, Self

from dsp.errors import Refusal
from loa.demo.joined.stage import Stage

COMMAND = [sys.executable, "-m", "loa"]
PATIENCE_S = 60.0
_NEWS, _ERROR = "loa.status/1", "loa.error/1"  # an error is on stderr as well


class Program:
    """`loa WORDS…` in the stage's folder; a context manager.

    Attributes
    ----------
    lines, news
        What it has said of itself, and of what came to its door, as far as it was waited for.
    """

    def __init__(
        self, stage: Stage, name: str, words: list[str], patience_s: float = PATIENCE_S
    ) -> None:
        self.lines: list[dict[str, Any]] = []
        self.news: list[dict[str, Any]] = []
        self._name = name
        self._patience_s = patience_s
        self._errors = stage.path(f"{name}.log")
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [*COMMAND, *words],
                cwd=stage.folder,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(p or "." for p in sys.path)},
            )
        self._said: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._hear_out, name=f"hears {name}", daemon=True)
        self._reader.start()

    def wait_for_lines(self, count: int) -> None:
        """Return when it has told of itself so often.

        Raises
        ------
        Refusal
            "demo.program": it has ended, or has said nothing for a minute.
        """
        while len(self.lines) < count:
            if not self._take():
                raise self._failed("an end without a word")

    def wait(self) -> None:
        """Return when it has ended well; raises as `wait_for_lines`."""
        while self._take():
            pass
        try:
            code = self._process.wait(self._patience_s)
        except subprocess.TimeoutExpired:
            raise self._failed("no end of it") from None
        if code != 0:
            raise self._failed(f"exit code {code}")

    def stop(self) -> None:
        """End it as Ctrl-C does, and take what it says of it."""
        self._process.terminate()
        self.wait()

    def _hear_out(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.put(line)
        self._said.put(b"")

    def _take(self) -> bool:
        """Take its next line; False at its end."""
        try:
            line = self._said.get(timeout=self._patience_s)
        except queue.Empty:
            raise self._failed(f"nothing for {self._patience_s:g} s") from None
        if not line:
            return False
        told = json.loads(line)
        if told["schema"] != _ERROR:
            (self.news if told["schema"] == _NEWS else self.lines).append(told)
        return True

    def _failed(self, otherwise: str) -> Refusal:
        said = self._errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return Refusal(
            "demo.program",
            expected=f"loa {self._name} to run and to say so",
            got=said[-1] if said else otherwise,
            advice="loa doctor; a machine that others leave some time to",
            exit_code=3,
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it in any case."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
