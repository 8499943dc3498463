"""`make long`: the campaigns too slow for every run, and the page with their last tables.

    python -m bench.campaigns

Takes many hours. Writes docs/campaigns/long.md; the exit code is 1 if a campaign failed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "campaigns" / "long.md"
CAMPAIGNS = {
    "True-peak limiter: a million random and adversarial signals": [
        "-m",
        "bench.audio.limiter_campaign",
    ],
    "Memory of a reception over 24 hours of a capture, as fast as it can be fed": [
        "-m",
        "bench.receive.memory",
        "--minutes",
        "1440",
        "--stations",
        "1",
        "--rate-hz",
        "288000",
    ],
    "Soak of the service at full speed": ["-m", "bench.service.soak"],
    "Recognition: three station-weeks in which nothing may be named": [
        "-m",
        "bench.match.false_alarms",
    ],
    "Strange voice: three station-weeks, received in brief, at which nothing is wrong": [
        "-m",
        "bench.watch.station_weeks",
    ],
    "Two loudspeakers in step for an hour": ["-m", "bench.stream.rows", "--step-minutes", "60"],
    "A day of a loudspeaker, 200 ppm either way": ["-m", "bench.stream.day"],
    "Memory of `loa relay` over two hours, as fast as it can be fed": [
        "-m",
        "bench.stream.relay",
        "--hours",
        "2",
    ],
    "Tests marked `long`": ["-m", "bench.long_tests"],
}


def main() -> int:
    """Run every campaign, print what it says, and write the page."""
    parts = [
        "# Campaigns of the last `make long`\n",
        "Written by `python -m bench.campaigns`; the figures are those of the machine it ran on.\n",
    ]
    failed = False
    for title, arguments in CAMPAIGNS.items():
        print(title, flush=True)
        began_s = time.monotonic()
        done = subprocess.run(
            [sys.executable, *arguments], stdout=subprocess.PIPE, text=True, check=False
        )
        took_min = (time.monotonic() - began_s) / 60
        print(done.stdout, flush=True)
        failed |= done.returncode != 0
        said = done.stdout.strip() if "|---" in done.stdout else f"```\n{done.stdout.strip()}\n```"
        verdict = "held" if done.returncode == 0 else "FAILED"
        parts += [f"## {title}\n", f"{verdict}, {took_min:.1f} min.\n", said + "\n"]
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
