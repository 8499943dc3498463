"""The child process as the parent holds it: start, ask, wait with a deadline, end.

Started with `-I -S` and an explicit module path, so that no site file, user folder or environment
variable has a say; all descriptors but three are closed. All waiting for one file together ends at
`wait_base_s` and a share of what came of it: a deadline for each block would let a file that
trickles go on for ever. CPU time is read from the child's own CPU clock after every block.
RLIMIT_CPU is the backstop for a child that runs on while nobody listens: twice the time of the
longest programme for the life of a child, which is replaced after half of it.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from ingest.decode import refusals
from ingest.decode.link import SLOT_BYTES, SLOT_COUNT, make_ring, map_ring, receive, send

if TYPE_CHECKING:
    from dsp.errors import Refusal
    from ingest.decode.audio_format import DecodeLimits

_BOOT = (
    "import sys; n = sys.argv; sys.path[:] = n[7:]; "
    "import importlib; importlib.import_module(n[1]).main(*map(int, n[2:7]))"
)
# The child's libraries must not start threads of their own, which the sandbox then could not count.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
_START_DEADLINE_S = 60.0
_LAST_WORDS_S = 2.0
_LEAST_WAIT_S = 0.001  # what is there already is taken


class ChildProcess:
    """One child; created at once, ready a little later, dead for good once it failed."""

    def __init__(self, module: str, limits: DecodeLimits, slot_bytes: int = SLOT_BYTES) -> None:
        self._limits = limits
        self._cpu_at_open_s = 0.0
        self._waited_s = 0.0
        self.isolation: tuple[str, ...] = ()
        self._ready = False
        ring = make_ring(slot_bytes)
        self.slots = map_ring(ring)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process = _spawn(module, theirs.fileno(), ring, limits)
        finally:
            theirs.close()
            os.close(ring)

    @property
    def fit(self) -> bool:
        """Whether the child lives and has CPU time left for the longest programme."""
        return self._process.poll() is None and self._cpu_s() < self._limits.cpu_total_s

    def wait_ready(self) -> None:
        """Return when the child has locked itself in; raises Refusal if it does not get there."""
        if self._ready:
            return
        message = self._receive(_START_DEADLINE_S)
        if message.get("is") != "ready":
            raise self.condemn("a decoder that does not start")
        self.isolation = tuple(str(name) for name in message["isolation"])
        self._ready = True

    def request(self, descriptor: int, suffix: str) -> None:
        """Ask for the file behind `descriptor`."""
        self._cpu_at_open_s = self._cpu_s()
        self._waited_s = 0.0
        with contextlib.suppress(OSError):  # died meanwhile: the next receive says so
            send(self._control, {"do": "open", "suffix": suffix[:16]}, descriptor)

    def next_message(self, decoded_s: float) -> dict[str, Any]:
        """Return the next answer; `decoded_s` is how much audio came so far.

        Raises
        ------
        Refusal
            If the child died, hung, or used more CPU time than that much audio may cost.
        """
        limits = self._limits
        patience_s = limits.wait_base_s + limits.wait_per_second_s * decoded_s
        message = self._receive(patience_s)
        allowed_s = limits.cpu_base_s + limits.cpu_per_second_s * decoded_s
        if self._cpu_s() - self._cpu_at_open_s > allowed_s:
            self.kill()
            raise refusals.too_costly(f"at most {allowed_s:.0f} s of CPU time", "more than that")
        return message

    def free(self, slot: int) -> None:
        """Give a slot back to the child."""
        with contextlib.suppress(OSError):  # a dead child is noticed at the next receive
            send(self._control, {"do": "free", "slot": slot})

    def stop(self) -> None:
        """Make the child drop its file; ends it where it does not comply."""
        self._control.settimeout(_LAST_WORDS_S)
        try:
            send(self._control, {"do": "stop"})
            for _ in range(SLOT_COUNT + 1):
                if receive(self._control).get("is") in {"end", "refusal"}:
                    return
            self.kill()
        except (OSError, EOFError, ValueError):
            self.kill()

    def condemn(self, why: str) -> Refusal:
        """End the child and return the refusal that says `why`."""
        self.kill()
        return refusals.decoder_crashed(why)

    def kill(self) -> None:
        """End the child now."""
        self._process.kill()
        self._process.wait()
        self._control.close()

    def _receive(self, patience_s: float) -> dict[str, Any]:
        """Return the next message; all waiting since the last request counts for `patience_s`."""
        asked_s = time.monotonic()
        self._control.settimeout(max(patience_s - self._waited_s, _LEAST_WAIT_S))
        try:
            return receive(self._control)
        except TimeoutError:
            raise self.condemn(f"no answer within {patience_s:g} s") from None
        except ValueError:
            raise self.condemn("a garbled answer from the decoder") from None
        except (EOFError, OSError):
            raise self._obituary() from None
        finally:
            self._waited_s += time.monotonic() - asked_s

    def _obituary(self) -> Refusal:
        """Return the refusal that tells how the child ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_WORDS_S)  # it closed its end: let it die its own death
        self.kill()
        code = self._process.returncode
        if code == -signal.SIGXCPU:
            total_s = self._limits.cpu_total_s
            return refusals.too_costly(f"at most {total_s:.0f} s of CPU time", "more than that")
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return refusals.decoder_crashed(f"a decoder that ended with {how}")

    def _cpu_s(self) -> float:
        """CPU time of the child so far, from its own clock (see clock_getcpuclockid(3))."""
        try:
            return time.clock_gettime((~self._process.pid << 3) | 2)
        except OSError:
            return 0.0


def _spawn(module: str, control: int, ring: int, limits: DecodeLimits) -> subprocess.Popen[bytes]:
    cpu_s = math.ceil(2 * limits.cpu_total_s)
    numbers = (control, ring, os.getpid(), limits.memory_bytes, cpu_s)
    arguments = [module, *map(str, numbers)]
    paths = [os.path.realpath(entry or ".") for entry in sys.path]
    environment = dict(_ENVIRONMENT)
    if "LD_LIBRARY_PATH" in os.environ:
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _BOOT, *arguments, *paths],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(control, ring),
        env=environment,
    )
