"""Says which instance answers, and since when."""

import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import ago

STARTED = time.monotonic()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        since = ago.in_words(time.monotonic() - STARTED)
        body = f"{os.environ['GREETING']} from instance {os.environ['CF_INSTANCE_INDEX']}, started {since}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
