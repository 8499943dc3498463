"""What people and programmes are told of a stream's reception, destination by destination."""

from __future__ import annotations

from typing import Any

from transmit.rtp.reception import Reception, ReceptionBook

_MOST_LINES = 5  # of destinations, the worst first


def reception_lines(book: ReceptionBook) -> list[str]:
    """Return what people are told of the reception: the destinations that hear worst."""
    worst = sorted(book.receptions.items(), key=lambda item: -item[1].loss)
    lines = []
    for (host, port), one in worst[:_MOST_LINES]:
        trip = "?" if one.round_trip_s is None else f"{1000 * one.round_trip_s:.1f} ms"
        lines.append(
            f"loa: {host}:{port - 1} loses {100 * one.loss:.1f} % ({one.lost} packets so far), "
            f"jitter {1000 * one.jitter_s:.1f} ms, round trip {trip}"
        )
    if len(worst) > _MOST_LINES:
        lines.append(f"loa: {len(worst) - _MOST_LINES} more hear better than these")
    return lines


def reception_said(address: tuple[str, int], one: Reception) -> dict[str, Any]:
    """Return a destination's last word for the line of JSON."""
    trip_ms = None if one.round_trip_s is None else round(1000 * one.round_trip_s, 2)
    said: dict[str, Any] = {
        "destination": f"{address[0]}:{address[1] - 1}",
        "loss": round(one.loss, 4),
        "lost": one.lost,
        "jitter_ms": round(1000 * one.jitter_s, 3),
        "round_trip_ms": trip_ms,
    }
    if trip_ms is None:
        said["invalid"] = {"round_trip_ms": "no report of ours was answered"}
    return said
