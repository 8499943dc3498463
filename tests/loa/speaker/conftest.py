"""The loudspeaker of the tests."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.loa.speaker.horn import Horn


@pytest.fixture
def horn(tmp_path, monkeypatch):
    """Make a loudspeaker; its threads are not started, the test does their work."""
    monkeypatch.setattr("loa.device.port.CommandPort.start", lambda _: None)
    with ExitStack() as held:
        yield lambda **changes: Horn(tmp_path, held, **changes)
