"""Workers that cannot start: said, not waited for."""

import pytest

from dsp.errors import Refusal
from loa.service import worker_process
from loa.service.settings import Settings


def test_a_nursery_that_cannot_start_ends_the_start(monkeypatch):
    """Else jobs are taken in, nobody works, and a traceback is written every second."""
    monkeypatch.setattr(worker_process.sys, "executable", "/bin/false")
    supervisor = worker_process.Supervisor(Settings())
    with pytest.raises(Refusal) as refused:
        supervisor.start()
    assert refused.value.kind == "service.workers"
