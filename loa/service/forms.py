"""A multipart form (RFC 7578) read as it comes: small fields, and one file that goes to the disk.

Starlette would first lay the whole file down in a temporary folder of its own; here it is hashed
and written where it stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from loa.service import problems
from transmit.bulletin.envelope import MOST_BYTES as MOST_FIELD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

FILE_FIELD = "audio"
_MOST_FIELDS = 20


def boundary_of(content_type: str) -> bytes:
    """Return the boundary in a Content-Type header; raises Refusal "request.invalid"."""
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 70:
        raise problems.invalid("multipart/form-data with a boundary", content_type or "no type")
    return boundary


class FormReader:
    """Takes the pieces of a form; `fields` holds what was said, `write` gets the file's bytes."""

    def __init__(self, boundary: bytes, write: Callable[[bytes], None]) -> None:
        self.fields: dict[str, str] = {}
        self.complete = False
        self._write = write
        self._header, self._value = b"", b""
        self._name = ""
        self._held = bytearray()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_ends,
                "on_part_data": self._data,
                "on_part_end": self._part_ends,
                "on_end": self._ends,
            },
        )

    def feed(self, piece: bytes) -> None:
        """Take the next piece; raises Refusal "request.invalid"."""
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise problems.invalid("a form as RFC 7578 has it", str(error)) from error

    def finish(self) -> dict[str, str]:
        """Return the fields; raises Refusal "request.invalid" for half a form."""
        if not self.complete:
            raise problems.invalid("a form with its closing boundary", "half a form")
        return self.fields

    def _part_begins(self) -> None:
        self._name = ""
        self._held.clear()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._header, self._value = b"", b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._name == FILE_FIELD:
            self._write(data[start:end])
            return
        self._held += data[start:end]
        if len(self._held) > MOST_FIELD_BYTES:
            raise problems.invalid(f"fields of at most {MOST_FIELD_BYTES} bytes", self._name)

    def _part_ends(self) -> None:
        if not self._name or self._name in self.fields or len(self.fields) >= _MOST_FIELDS:
            raise problems.invalid("named fields, each once", self._name or "one without a name")
        try:
            self.fields[self._name] = self._held.decode("utf-8")
        except UnicodeDecodeError:
            raise problems.invalid("fields in UTF-8", self._name) from None

    def _ends(self) -> None:
        self.complete = True
