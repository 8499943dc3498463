"""What officers read, in Vietnamese, English and Khmer: one TOML file a language."""

from __future__ import annotations

import tomllib
from importlib import resources

LANGUAGES = ("vi", "en", "km")


def load_words(language: str) -> dict[str, str]:
    """Return the words of one language by key; every language has every key."""
    text = resources.files(__name__).joinpath(f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
