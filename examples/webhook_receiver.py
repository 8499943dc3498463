"""Hear from Loa's service that a job has ended; believe only what is signed and fresh.

WEBHOOK_SECRET=whsec_… python webhook_receiver.py 9000
"""

import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_OLDEST_S = 300.0
_SEEN = set()


def is_genuine(secret, headers, body, now_s):
    """Tell whether `body` was sent with the secret, and not long ago."""
    timestamp = headers.get("Loa-Timestamp", "")
    if not timestamp.isdecimal() or abs(now_s - int(timestamp)) > _OLDEST_S:
        return False
    told = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return hmac.compare_digest(f"v1={told.hexdigest()}", headers.get("Loa-Signature", ""))


class Hook(BaseHTTPRequestHandler):
    """Prints every genuine event once."""

    def do_POST(self):
        """Answer 204 to what is genuine: anything else is sent again."""
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1 << 20))
        genuine = is_genuine(os.environ["WEBHOOK_SECRET"], self.headers, body, time.time())
        if genuine and self.headers["Loa-Delivery"] not in _SEEN:
            _SEEN.add(self.headers["Loa-Delivery"])
            event = json.loads(body)
            print(event["event"], event["job"]["key"], flush=True)
        self.send_response(204 if genuine else 403)
        self.end_headers()


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Hook).serve_forever()
