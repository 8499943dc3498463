"""The tables of RDS against each other and against known answers."""

import unicodedata

import pytest

from dsp.rds.applications import AID_ENHANCED_RADIOTEXT, AID_RT_PLUS, APPLICATIONS
from dsp.rds.characters import CHARACTERS, CODES, SPACE
from dsp.rds.code import (
    CHECK_BITS,
    GENERATOR,
    GROUP_BITS,
    OFFSET_WORDS,
    SYNDROMES_MATRIX,
    SYNDROMES_REMAINDER,
)
from dsp.rds.countries import COUNTRIES
from dsp.rds.frequencies import AF_CODES
from dsp.rds.languages import LANGUAGE_CODES, LANGUAGES
from dsp.rds.programme_types import PROGRAMME_TYPES, PTY_ALARM


def remainder(value):
    """`value` modulo g(x), by long division."""
    for shift in range(value.bit_length() - 1, CHECK_BITS - 1, -1):
        if value >> shift & 1:
            value ^= GENERATOR << (shift - CHECK_BITS)
    return value


def times(one, other):
    product = 0
    for shift in range(other.bit_length()):
        if other >> shift & 1:
            product ^= one << shift
    return product


@pytest.mark.parametrize("block", OFFSET_WORDS)
def test_both_forms_of_the_syndrome_tell_the_same(block):
    # The standard's decoder multiplies by x^325 mod g(x) = 0x31B before it divides (annex B).
    assert remainder(1 << 325) == 0x31B
    assert remainder(times(SYNDROMES_REMAINDER[block], 0x31B)) == SYNDROMES_MATRIX[block]
    assert SYNDROMES_REMAINDER[block] == OFFSET_WORDS[block]


def test_the_code_of_a_group():
    assert GROUP_BITS == 104
    assert len(set(OFFSET_WORDS.values())) == len(set(SYNDROMES_MATRIX.values())) == 5


def test_characters_map_both_ways():
    assert len(CHARACTERS) == 256
    letters = [c for c in CHARACTERS if c is not None]
    assert len(set(letters)) == len(letters) == 256 - 32 - 2
    for code, letter in enumerate(CHARACTERS):
        if letter is not None:
            assert CODES[letter] == code
            assert len(letter) == 1
            assert unicodedata.is_normalized("NFC", letter)


@pytest.mark.parametrize(
    ("letter", "code"),
    # Corners of each column of EN 50067 table E.1, and the letters of Vietnamese.
    [
        *zip(" 0@P‖páâªºÁÂÃã", range(0x20, 0x100, 16), strict=True),
        *zip("/?O_oĲĳ↓§Ŀŀð", (0x2F, 0x3F, 0x4F, 0x5F, 0x6F, *range(0x8F, 0xFF, 16)), strict=True),
        ("đ", 0xDE),
        ("Đ", 0xCE),
        ("ê", 0x92),
        ("ô", 0x96),
        ("õ", 0xF6),
        ("ý", 0xF5),
        ("$", 0xAB),
        ("\u00b5", 0xB8),
        ("ü", 0x99),
        ("°", 0xBB),
    ],
)
def test_known_characters(letter, code):
    assert CODES[letter] == code
    assert CHARACTERS[code] == letter


def test_ascii_but_for_four():
    different = {c for c in range(0x20, 0x7F) if CHARACTERS[c] != chr(c)}
    assert different == {0x24, 0x5E, 0x60, 0x7E}
    assert CHARACTERS[SPACE] == " "


def test_names_and_codes_of_the_facts():
    assert len(PROGRAMME_TYPES) == 32
    assert (PROGRAMME_TYPES[1], PROGRAMME_TYPES[PTY_ALARM]) == ("news", "alarm")
    assert [LANGUAGE_CODES[key] for key in ("vi", "km", "zh")] == [0x46, 0x66, 0x75]
    assert [LANGUAGES[code] for code in (0x46, 0x66, 0x75)] == ["Vietnamese", "Khmer", "Chinese"]
    found = {name: key for key, name in COUNTRIES.items()}
    assert [found[name] for name in ("VN", "KH", "LA", "TH", "CN")] == [
        (0x7, 0xF2),
        (0x3, 0xF2),
        (0x1, 0xF3),
        (0x2, 0xF3),
        (0xC, 0xF0),
    ]
    assert {AID_RT_PLUS, AID_ENHANCED_RADIOTEXT} <= APPLICATIONS.keys()


def test_frequencies():
    assert AF_CODES[87_600_000] == 1
    assert AF_CODES[107_900_000] == 204
    assert len(AF_CODES) == 204
    assert not any(54_000_000 <= hz <= 68_000_000 for hz in AF_CODES)
