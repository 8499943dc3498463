"""Hand a bulletin to Loa's service and fetch its renditions, with Python's standard library alone.

python service_client.py http://127.0.0.1:8080 TOKEN bulletin.wav ip,web

The key is the digest of the file: run it again after any mishap, and it goes on where it was.
"""

import hashlib
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

_TRIES = 8


def call(url, token, method="GET", body=None):
    """Return the answer's bytes; tries again while the service is busy or cannot be reached."""
    headers = {"Authorization": f"Bearer {token}"}
    for number in range(_TRIES):
        request = urllib.request.Request(url, body, headers, method=method)
        pause_s = 2.0**number / 4
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            problem = json.loads(error.read() or b"{}")
            if error.code not in {408, 429, 503, 507}:
                sys.exit(f"{problem.get('kind')}: {problem.get('detail')}")
            pause_s = float(error.headers.get("Retry-After", pause_s))
        except OSError as error:
            print(error, file=sys.stderr)
        time.sleep(pause_s)
    sys.exit("the service does not answer")


def main(service, token, path, targets="ip"):
    """Hand in `path` and write the renditions beside it."""
    content = Path(path).read_bytes()
    key = hashlib.sha256(content).hexdigest()[:32]
    query = urllib.parse.urlencode({"targets": targets})
    job = json.loads(call(f"{service}/v1/jobs/{key}?{query}", token, "PUT", content))
    while job["state"] in {"queued", "running"}:
        time.sleep(0.5)
        job = json.loads(call(f"{service}/v1/jobs/{job['id']}", token))
    job = json.loads(call(f"{service}/v1/jobs/{job['id']}", token))
    if job["state"] != "done":
        sys.exit(f"{job['state']}: {json.dumps(job['problem'])}")
    for made in job["renditions"]:
        rendition = call(service + made["url"], token)
        if hashlib.sha256(rendition).hexdigest() != made["sha256"]:
            sys.exit("other bytes than were promised")
        target = Path(path).with_name(f"{Path(path).stem}-{made['output']}")
        target.write_bytes(rendition)
        print(target, f"{made['after']['integrated_lufs']} LUFS", made["holds"])


if __name__ == "__main__":
    main(*sys.argv[1:])
