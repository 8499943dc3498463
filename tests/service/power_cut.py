"""Writers and checkers for a power cut: `python -m tests.service.power_cut WHAT` with $DISK.

A writer puts down beside $DISK, on a disk that survives, what was acknowledged, and then the file
`cut`, at which the power goes. The checker lists what was lost.
"""

import hashlib
import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa

from loa.service import database
from loa.service.part import Part
from loa.service.room import open_room
from loa.service.settings import Limits, load_settings
from loa.service.submission import Submission
from loa.service.tables import AUDIT
from loa.service.tokens import Caller
from tests.service.live import Live, ended, living, wait_for

DISK = Path(os.environ["DISK"])
ROOM = DISK.parent
BULLETIN = Path(os.environ["BULLETIN"])
CALLER = Caller("t1", "platform", frozenset({"submit"}), frozenset(), Limits())
JOBS = 20


def cut(acknowledged):
    (ROOM / "acknowledged").write_text(json.dumps(acknowledged))
    (ROOM / "cut").touch()
    signal.pause()


def write(*, synced):
    """Take jobs in as the API does; without `synced` nothing is asked of the disk: the control."""
    if not synced:
        os.fsync = lambda _: None
        configure = database._configure_sqlite

        def careless(connection, record):
            configure(connection, record)
            connection.execute("PRAGMA synchronous=OFF")

        database._configure_sqlite = careless
    room = open_room(load_settings(None, DISK / "data"))
    acknowledged = {}
    for number in range(JOBS):
        part = Part(room.blobs.parts)
        part.write(os.urandom(100_000))
        digest = part.sha256
        room.blobs.keep(part.path, digest)
        wanted = Submission(f"job-{number}", digest, part.size_bytes, "", ("ip",))
        row, _ = room.jobs.submit(CALLER, wanted)
        acknowledged[row["id"]] = [digest]
    cut(acknowledged)


def serve():
    """A real service at work: some jobs are done, some in hand, some wait."""
    service = Live(DISK / "data")
    content = BULLETIN.read_bytes()

    def put(number):
        body = content + bytes([number])
        answer = client.put(f"/v1/jobs/job-{number}", content=body)
        assert answer.status_code == 202
        return answer.json()["id"], [hashlib.sha256(body).hexdigest()]

    def done():
        jobs = client.get("/v1/jobs", params={"state": "done"}).json()["jobs"]
        return jobs if len(jobs) >= 2 else None

    with service.client() as client:
        with ThreadPoolExecutor(4) as pool:
            acknowledged = dict(pool.map(put, range(8)))
        for job in wait_for(done):
            acknowledged[job["id"]] += [rendition["sha256"] for rendition in job["renditions"]]
    cut(acknowledged)


def check():
    """Return what is lost: jobs without a row, digests without their bytes."""
    room = open_room(load_settings(None, DISK / "data"))
    lost = []
    for job_id, digests in json.loads((ROOM / "acknowledged").read_text()).items():
        lost += [] if room.jobs.get(job_id) else [job_id]
        for digest in digests:
            size = room.blobs.size(digest)
            content = b"" if size is None else b"".join(room.blobs.pieces(digest, 0, size))
            lost += [] if hashlib.sha256(content).hexdigest() == digest else [digest]
    room.close()
    return lost


def finish():
    """Go on after the cut: every job ends as done, once."""
    lost = check()
    jobs = json.loads((ROOM / "acknowledged").read_text())
    with living(DISK / "data") as service, service.client() as client:
        lost += [job_id for job_id in jobs if ended(client, job_id)["state"] != "done"]
    room = open_room(load_settings(None, DISK / "data"))
    with room.database.read() as connection:
        query = sa.select(AUDIT.c.subject).where(AUDIT.c.action == "job.done")
        published = sorted(connection.execute(query).scalars())
    room.close()
    return lost + ([] if published == sorted(jobs) else ["published twice or never"])


if __name__ == "__main__":
    what = sys.argv[1]
    if what in {"write", "careless"}:
        write(synced=what == "write")
    elif what == "serve":
        serve()
    else:
        lost = check() if what == "check" else finish()
        sys.stdout.write(f"lost: {lost}\n")
        sys.exit(1 if lost else 0)
