"""The word lists of `words.toml`, by name: `WORDS["places"]`."""

from __future__ import annotations

import tomllib
from pathlib import Path

WORDS: dict[str, list[str]] = tomllib.loads(
    Path(__file__).with_name("words.toml").read_text(encoding="utf-8")
)
