"""The register of loudspeakers: a province's fits."""

import base64

from loa.sending.devices import read_devices


def test_five_thousand_loudspeakers_are_read_without_those_that_are_revoked(tmp_path):
    public = base64.b64encode(bytes(range(32))).decode()
    rows = [
        f'[[device]]\nid = "horn-{number}"\npublic = "{public}"\n'
        f'address = "10.{number // 250}.{number % 250}.7:5010"\n'
        f"revoked = {'true' if number == 7 else 'false'}\n"
        for number in range(5_000)
    ]
    (tmp_path / "DEVICES.toml").write_text("".join(rows))
    found = read_devices(tmp_path / "DEVICES.toml")
    assert len(found) == 4_999
    assert "horn-7" not in {one.id for one in found}
