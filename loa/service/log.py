"""The service's log: JSON Lines on stderr, the job's id on every line that is about one."""

from __future__ import annotations

import sys
from typing import Any

import structlog


def configure_log() -> None:
    """Set the form of the log; once a process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


def job_log(job_id: str | None = None, attempt: int | None = None) -> Any:
    """Return the log, bound to a job."""
    log = structlog.get_logger()
    return log if job_id is None else log.bind(job=job_id, attempt=attempt)
