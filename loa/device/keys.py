"""The keys of a device on its disk: its own, and whose signatures count."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from dsp.errors import Refusal
from transmit.bulletin.key_wrap import DeviceKey
from transmit.bulletin.keyring import Keyring, TrustedKey, read_keyring

_KEY_BYTES = 32


class KeyringFiles:
    """Keyrings of the settings as one, read again when a file changes."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths
        self._stamp: list[tuple[int, int, int]] = []

    def read(self) -> Keyring:
        """Return all keys.

        Raises
        ------
        Refusal
            A file that is none, or one key with two sets of rights.
        """
        self._stamp = self._stamps()
        keys: list[TrustedKey] = []
        for path in self._paths:
            try:
                keys += read_keyring(path.read_bytes()).key
            except OSError as error:
                raise unreadable(path, error) from error
        try:
            return Keyring(tuple(keys))
        except ValueError as error:
            raise Refusal(
                "keyring.value", expected="each key once", got=str(error), advice="one of the two"
            ) from error

    def renewed(self) -> Keyring | None:
        """Return the keys where a file has changed since, else None."""
        return None if self._stamps() == self._stamp else self.read()

    def _stamps(self) -> list[tuple[int, int, int]]:
        found = []
        for path in self._paths:
            try:
                told = path.stat()
            except OSError:
                return self._stamp  # while it is exchanged
            found.append((told.st_mtime_ns, told.st_size, told.st_ino))
        return found


def device_key(path: Path) -> DeviceKey:
    """Read a device's private key: 32 bytes in base64, in a file that others cannot read."""
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="ascii").strip()
        private = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        private, mode = b"", 0
    except OSError as error:
        raise unreadable(path, error) from error
    if len(private) != _KEY_BYTES or mode & 0o077:
        readable = "a file that others may read" if len(private) == _KEY_BYTES else "something else"
        raise Refusal(
            "speaker.device_key",
            expected="32 bytes in base64 in a file of mode 600",
            got=f"{path.name}: {readable}",
            advice="`loa bulletin device -o KEYFILE --id ID`; chmod 600 KEYFILE",
        )
    return DeviceKey.from_bytes(private)


def unreadable(path: Path, error: OSError) -> Refusal:
    """Return the refusal of a file that cannot be read."""
    return Refusal(
        "file.not_found",
        expected="a file that can be read",
        got=f"{path.name}: {error.strerror}",
        advice="checking the spelling of the path",
    )
