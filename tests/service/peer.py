"""An HTTP server on loopback that does what a test tells it to, well or badly."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from loa.service.settings import Outgoing

HOST = "media.example"


class Peer(ThreadingHTTPServer):
    """`answers[path]` is called with the handler; `heard` collects (path, headers, body)."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = {}
        self.heard = []
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def port(self):
        return self.server_address[1]

    def url(self, path):
        return f"http://{HOST}:{self.port}{path}"

    def rules(self, **changes):
        said = {
            "hosts": (HOST,),
            "networks": ("127.0.0.1/32",),
            "ports": (self.port,),
            "plain_http": True,
        }
        return Outgoing(**(said | changes))

    def handle_error(self, *_):
        """Say nothing: a client that hangs up is what many tests are about."""

    def stop(self):
        self.stopping.set()
        self.shutdown()
        self.server_close()
        self._thread.join(30.0)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.heard.append((self.path, dict(self.headers), body))
        with contextlib.suppress(OSError):  # the client may be gone by now, that is its right
            self.server.answers[self.path](self)

    do_POST = do_GET  # noqa: N815 - the name that http.server looks for

    def log_message(self, *_):
        pass


def says(status, body=b"", **headers):
    """Return an answer with that status and body."""

    def answer(handler):
        handler.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def loopback(_host, _port):
    """Resolve every name to this machine."""
    return ["127.0.0.1"]
