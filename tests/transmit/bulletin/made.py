"""A bulletin as a province would send it, with keys made once a test run."""

import hashlib
from datetime import UTC, datetime

from transmit.bulletin.content import Audio, BoardText, Bulletin
from transmit.bulletin.keyring import Keyring, TrustedKey
from transmit.bulletin.signing import SigningKey, sign

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
KEY, SECOND, STRANGER = SigningKey.generate(), SigningKey.generate(), SigningKey.generate()
RECORDING = b"the recording"


def bulletin(**changes):
    said = {
        "id": "vinh-long-2026-000123",
        "issuer": "province.vinh-long",
        "tier": "province",
        "communes": ("tri-ton", "cang-long"),
        "zones": ("cang-long.4",),
        "field": "thời tiết",
        "languages": ("vi", "km"),
        "priority": "emergency",
        "title": "Cảnh báo lũ",
        "text": "Nước lên nhanh.\nទឹកឡើងលឿន។",
        "board_text": BoardText("LŨ LÊN", "2026-11-24T12:00:00Z"),
        "audio": (Audio(hashlib.sha256(RECORDING).hexdigest(), len(RECORDING), "vi"),),
        "author": "Nguyễn Văn A",
        "approver": "Trần Thị B",
        "reply_to": "tel:+84-294-000000",
        "not_before": "2026-11-24T05:00:00Z",
        "expires": "2026-11-24T12:00:00Z",
        "counter": 7,
    }
    return Bulletin(**(said | changes))


def trusted(key=KEY, **changes):
    rights = {
        "public": key.public_text,
        "issuer": "province.vinh-long",
        "holder": "desk-1",
        "tiers": ("province",),
        "priorities": ("normal", "priority", "emergency"),
        "communes": ("*",),
        "zones": ("*",),
    }
    return TrustedKey(**(rights | changes))


KEYRING = Keyring((trusted(), trusted(SECOND, holder="desk-2")))
SIGNED = sign(bulletin(), KEY)
