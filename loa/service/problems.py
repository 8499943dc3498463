"""Problems: every answer that is not what was asked for, as RFC 9457, with what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsp.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"
_STATUS = {
    "store.full": 507,
    "store.busy": 503,
    "request.unauthorised": 401,
    "request.forbidden": 403,
    "request.too_slow": 408,
    "request.too_large": 413,
    "request.too_many": 429,
    "request.rate": 429,
    "request.storage": 413,
    "request.range": 416,
    "request.invalid": 422,
    "request.not_here": 404,
    "request.method": 405,
    "job.unknown": 404,
    "job.conflict": 409,
    "job.state": 409,
    "blob.unknown": 404,
    "blob.gone": 410,
    "url.invalid": 403,
    "url.forbidden": 403,
    "url.unreachable": 502,
    "url.answer": 502,
    "webhook.no_secret": 403,
}
# What nobody with a trusted key signed is not accepted, whatever is wrong with it.
_UNSIGNED, _UNSIGNED_STATUS = "bulletin.", 403
_RETRY_AFTER_S = {"store.full": 60, "store.busy": 5, "request.too_many": 5, "request.rate": 1}


def problem_of(refusal: Refusal, status: int | None = None) -> dict[str, Any]:
    """Return the problem object of a refusal."""
    return {
        "type": f"urn:loa:problem:{refusal.kind}",
        "title": refusal.kind.replace(".", ": ").replace("_", " "),
        "status": status or _status(refusal.kind),
        "detail": f"expected {refusal.expected}, got {refusal.got}; try {refusal.advice}",
        "kind": refusal.kind,
        "expected": refusal.expected,
        "got": refusal.got,
        "try": refusal.advice,
    }


def _status(kind: str) -> int:
    return _STATUS.get(kind, _UNSIGNED_STATUS if kind.startswith(_UNSIGNED) else 422)


def problem_response(refusal: Refusal, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Answer with a problem."""
    from fastapi.responses import JSONResponse

    body = problem_of(refusal)
    given = {**retry_after(refusal), **(headers or {})}
    answer = JSONResponse(body, body["status"], given, media_type=MEDIA_TYPE)
    if body["status"] == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="loa"'
    if body["status"] in (408, 413):
        answer.headers["Connection"] = "close"  # the rest of the body is not read
    return answer


def retry_after(refusal: Refusal) -> dict[str, str]:
    """Return the header that says when to come again, if that helps."""
    pause_s = _RETRY_AFTER_S.get(refusal.kind)
    return {} if pause_s is None else {"Retry-After": str(pause_s)}


def unauthorised() -> Refusal:
    """Refuse a request without a token that is in force."""
    return Refusal(
        "request.unauthorised",
        expected="Authorization: Bearer TOKEN with a token that is in force",
        got="none, or one that is wrong, expired or revoked",
        advice="`loa token create` on the service's host",
    )


def forbidden(scope: str) -> Refusal:
    """Refuse what the token does not allow."""
    return Refusal(
        "request.forbidden",
        expected=f"a token with {scope}",
        got="one without",
        advice="a token made with it",
    )


def unknown_job(job_id: str) -> Refusal:
    """Refuse a job that is not there, or not the caller's."""
    return Refusal(
        "job.unknown",
        expected="the id of one of your jobs",
        got=job_id[:60],
        advice="GET /v1/jobs, which lists them",
    )


def unknown_blob(sha256: str) -> Refusal:
    """Refuse bytes that are not there, or in no job of the caller's."""
    return Refusal(
        "blob.unknown",
        expected="the digest of a rendition or an upload of one of your jobs",
        got=sha256,
        advice="a `url` of GET /v1/jobs/ID",
    )


def blob_gone(sha256: str) -> Refusal:
    """Refuse to work on bytes that are not there any more."""
    return Refusal(
        "blob.gone",
        expected=f"the bytes of {sha256[:12]}…",
        got="none: they were deleted",
        advice="submitting the file again",
    )


def invalid(expected: str, got: str) -> Refusal:
    """Refuse a parameter."""
    return Refusal(
        "request.invalid", expected=expected, got=got[:200], advice="the form in /v1/openapi.json"
    )
