"""Vietnamese in RDS characters, what is refused, and content that cannot be."""

import contextlib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.coder.rds_content import (
    Application,
    Channel,
    FreeGroup,
    RdsContent,
    Tag,
    bulletin_tags,
)
from dsp.coder.rds_data_groups import OtherNetwork, RtPlusTag
from dsp.coder.rds_text import encode_text
from dsp.errors import Refusal
from dsp.rds.characters import CHARACTERS
from tests.naive.rds_decoder import letters


def shown(text, style="table"):
    return letters(encode_text(text, name="rt", most=64, letters=style))


@pytest.mark.parametrize(
    ("text", "table", "plain"),
    [
        ("Trà Vinh", "Trà Vinh", "Tra Vinh"),
        ("Đài truyền thanh xã", "Đài truyên thanh xã", "Dai truyen thanh xa"),
        ("thông tin cơ sở", "thông tin co so", "thong tin co so"),
        ("Bản tin khẩn cấp: bão số 5", "Ban tin khân câp: bão sô 5", "Ban tin khan cap: bao so 5"),
        ("ắ ằ ẵ ữ ợ ỹ ộ ễ ý", "a a a u o y ô ê ý", "a a a u o y o e y"),
        ("Nguyễn Đình Chiểu", "Nguyên Đình Chiêu", "Nguyen Dinh Chieu"),
        ("“loa” – 5 ₫…", '"loa" - 5 đ...', '"loa" - 5 d...'),
        ("Tra\u0300 Vinh", "Trà Vinh", "Tra Vinh"),
        ("Kính chào\nquý vị", "Kính chào quý vi", "Kinh chao quy vi"),
    ],
)
def test_vietnamese(text, table, plain):
    assert shown(text) == table
    assert shown(text, "ascii") == plain


VIETNAMESE = "aăâeêioôơuưyđ"


@given(st.text(st.sampled_from([chr(c) for c in range(0xC0, 0x1EF9) if chr(c).isalpha()])))
def test_whatever_the_letter_it_is_sent_or_refused(text):
    # Nothing but a Refusal may come out.
    with contextlib.suppress(Refusal):
        sent = encode_text(text, name="rt", most=10_000)
        assert all(CHARACTERS[byte] is not None for byte in sent)


def test_every_letter_of_vietnamese_can_be_sent():
    for base in VIETNAMESE:
        for tone in ("", *"\u0300\u0301\u0309\u0303\u0323") if base != "đ" else ("",):
            letter = unicodedata.normalize("NFC", base + tone)
            for given_letter in (letter, letter.upper()):
                assert len(shown(given_letter)) == 1
                bare = shown(given_letter, "ascii")
                assert bare.isascii()
                assert bare.isupper() == given_letter.isupper()


@given(st.lists(st.sampled_from([c for c in CHARACTERS if c]), max_size=64).map("".join))
def test_letters_of_the_table_are_kept(text):
    assert shown(text) == text


@pytest.mark.parametrize("text", ["ខេត្ត", "中国", "🔊", "A\x00", "\x1b[2J", "\x0c"])
def test_other_scripts_are_refused_with_the_letter_and_a_way_out(text):
    with pytest.raises(Refusal, match=r"rds\.text.*U\+.*ert"):
        encode_text(text, name="ps", most=8)


def test_too_long():
    with pytest.raises(Refusal, match="ps of at most 8 characters, got 9"):
        RdsContent(pi=1, ps="TRA VINH 1"[:9])
    RdsContent(pi=1, rt="x" * 64)
    with pytest.raises(Refusal, match="rt of at most 64"):
        RdsContent(pi=1, rt="x" * 65)
    with pytest.raises(Refusal, match="rt of at most 32"):
        RdsContent(pi=1, rt="x" * 33, version_b=True)
    # Three bytes each in UTF-8.
    RdsContent(pi=1, ert="ខ" * 42)
    with pytest.raises(Refusal, match="ert"):
        RdsContent(pi=1, ert="ខ" * 43)


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        ({"pi": 0}, "pi from 1"),
        ({"pi": 0x10000}, "pi from 1"),
        ({"pi": True}, "pi"),
        ({"pi": "7001"}, "pi"),
        ({"pty": 32}, "pty"),
        ({"pty": -1}, "pty"),
        ({"di": 16}, "di"),
        ({"ecc": 256}, "ecc"),
        ({"language": -1}, "language"),
        ({"pin": (0, 0, 0)}, "pin day"),
        ({"pin": (1, 24, 0)}, "pin hour"),
        ({"pin": (1, 0, 60)}, "pin minute"),
        ({"ct_offset_half_hours": 32}, "ct_offset"),
        ({"ews": (FreeGroup(32),)}, "ews low"),
        ({"inhouse": (FreeGroup(0, 0x10000),)}, "inhouse c"),
        ({"tdc": (Channel(32, b""),)}, "tdc channel"),
        ({"oda": (Application(0x10000),)}, "oda aid"),
        ({"oda": (Application(1, 16),)}, "oda group"),
        ({"oda": (Application(1, 2),)}, "oda group"),
        ({"oda": (Application(1, 12),), "ert": "x"}, "oda group"),
        ({"eon": (OtherNetwork(0),)}, "eon pi"),
        ({"eon": (OtherNetwork(1, pty=32),)}, "eon pty"),
        ({"eon": (OtherNetwork(1, mapped_hz=((87_600_000, 60_000_000),)),)}, "eon mapped_hz"),
        ({"eon": (OtherNetwork(1, mapped_hz=((87_600_000, 87_700_000),) * 5),)}, "eon mapped_hz"),
        ({"raw": ("7001",)}, "16 hexadecimal"),
        ({"rt": "abc", "rt_plus": (Tag("programme.now", "xyz"),)}, "rt_plus.text"),
        ({"rt": "abc", "rt_plus": (Tag("programme.now", ""),)}, "rt_plus.text"),
        ({"rt": "abc", "rt_plus": (Tag("song", "abc"),)}, "rt_plus.content_type"),
        ({"rt": "abc", "rt_plus": (Tag("programme.now", "abc"),) * 3}, "rt_plus"),
        ({"af_hz": (60_000_000,)}, "54 to 68 MHz"),
        ({"letters": "utf-8"}, "letters"),
        ({"ps": 7}, "ps as text"),
    ],
)
def test_content_that_cannot_be_is_refused_by_name(bad, name):
    with pytest.raises(Refusal, match=r"rds\.") as refusal:
        RdsContent(**{"pi": 0x7001, **bad})
    assert name in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_title_of_a_bulletin_becomes_a_tag():
    rt = "Trà Vinh: Bản tin sáng"
    content = RdsContent(pi=1, rt=rt, rt_plus=bulletin_tags(rt, "Bản tin sáng"))
    assert content.rt_plus_tags == (RtPlusTag(33, 10, 12),)
    assert bulletin_tags(rt, "Bản tin chiều") == ()
    assert bulletin_tags(rt, "") == ()
