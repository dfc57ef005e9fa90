"""Servers for the tests of the console: a stub of immugw, and a proxy in front of a gateway that changes its answers."""

import copy
import http.client
import http.server
import json
import pathlib
import sys
import threading
import time
import urllib.parse

from console_ledger import Ledger, Refused

ASSETS = pathlib.Path(__file__).resolve().parents[3] / "Sources" / "ImmudbGateway" / "Console" / "Assets"
BASE = "/v1/immurestproxy/"
IDENTITY = "Grpc-Metadata-Immudb-Uuid"
KINDS = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
# The headers with which the gateway serves the console.
HEADERS = {
    "Content-Security-Policy":
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Server:
    """An HTTP server on a free port of 127.0.0.1; `answer(method, path, headers, body)` returns status, headers, bytes."""

    def __init__(self, port=0):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                length = int(self.headers.get("Content-Length") or 0)
                status, headers, data = outer.answer(self.command, self.path, self.headers, self.rfile.read(length))
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(data)
                except OSError:
                    pass  # the page has left

            do_POST = do_GET

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, address):
                # A page that is left ends its connections.
                if not isinstance(sys.exc_info()[1], ConnectionError):
                    super().handle_error(request, address)

        self.http = Listener(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()


def as_json(value, status=200, headers=None):
    return status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(value).encode()


def from_ledger(ledger, method, path, headers, body):
    """The answer of a route below /v1/immurestproxy."""
    token = (headers.get("Authorization") or "").removeprefix("Bearer ") or None
    identity = {IDENTITY: ledger.server}
    try:
        value, is_standard = ledger.answer(method, path.removeprefix(BASE), json.loads(body or b"{}"), token)
        return as_json(value, headers=identity if is_standard else None)
    except Refused as refused:
        status, code, message = refused.args
        return as_json({"error": message, "code": code, "message": message}, status, identity)


class StubGateway(Server):
    """immugw with a ledger in memory."""

    def __init__(self, ledger=None, port=0):
        self.ledger = ledger or Ledger()
        self.lock = threading.Lock()
        self.requests = 0
        self.started = time.monotonic()
        super().__init__(port)

    def answer(self, method, path, headers, body):
        path = path.split("?")[0]
        if path in ("/", "/console"):
            return 302, {"Location": "/console/"}, b""
        if path == "/console/status":
            return as_json(self.status())
        if path.startswith("/console/"):
            return asset(path.removeprefix("/console/") or "console.html")
        self.requests += 1
        with self.lock:
            return from_ledger(self.ledger, method, urllib.parse.unquote(path), headers, body)

    def status(self):
        return {
            "version": "0.6.0",
            "gateway": {"uptimeSeconds": int(time.monotonic() - self.started), "requests": self.requests,
                        "verifications": 12, "failedVerifications": 0, "connections": 2, "isStrict": False},
            "immudb": {"address": "127.0.0.1:3322", "uuid": self.ledger.server, "isReachable": True,
                       "isEmbedded": False, "takesWrites": True, "problem": None},
            "authentication": self.ledger.tokens is not None,
        }


def asset(name):
    file = ASSETS / name
    if "/" in name or not file.is_file():
        return 404, {"Content-Type": "text/plain"}, b"Not Found\n"
    return 200, {"Content-Type": KINDS[file.suffix], **HEADERS}, file.read_bytes()


class TamperingProxy(Server):
    """Passes requests on to a gateway, and changes what comes back.

    - `tamper(route, answer)`: may change the JSON of a success in place; the route is without its base.
    - `before(method, route)`: called before a request is passed on, for what happens between two calls.
    - `identity`: what the server calls itself instead.
    - `ledger`: answers instead of the gateway, where it is set.
    - `serves_assets`: the console comes from the sources, not from the gateway.
    """

    def __init__(self, upstream, serves_assets=False):
        self.upstream = urllib.parse.urlsplit(upstream)
        self.serves_assets = serves_assets
        self.honest()
        super().__init__()

    def honest(self):
        self.tamper = self.before = self.identity = self.ledger = None

    def answer(self, method, path, headers, body):
        if not path.startswith(BASE):
            if self.serves_assets and path.startswith("/console/") and path != "/console/status":
                return asset(path.removeprefix("/console/") or "console.html")
            return self.forward(method, path, headers, body)
        route = urllib.parse.unquote(path.removeprefix(BASE))
        if self.before:
            self.before(method, route)
        if self.ledger:
            answer = from_ledger(self.ledger, method, BASE + route, headers, body)
        else:
            answer = self.forward(method, path, headers, body)
        status, kept, data = answer
        if self.identity:
            kept = {name: self.identity if name.lower() == IDENTITY.lower() else value for name, value in kept.items()}
        if self.tamper and status == 200:
            value = json.loads(data)
            before = copy.deepcopy(value)
            self.tamper(route, value)
            if value != before:
                data = json.dumps(value).encode()
        return status, kept, data

    def forward(self, method, path, headers, body):
        connection = http.client.HTTPConnection(self.upstream.hostname, self.upstream.port, timeout=30)
        sent = {name: headers[name] for name in ("Authorization", "Content-Type", "Accept") if name in headers}
        try:
            connection.request(method, path, body or None, sent)
            response = connection.getresponse()
            data = response.read()
        except OSError as error:
            return as_json({"error": str(error), "code": 14, "message": "no gateway"}, 503)
        finally:
            connection.close()
        dropped = ("transfer-encoding", "content-length", "connection", "date", "server", "keep-alive")
        return response.status, {n: v for n, v in response.getheaders() if n.lower() not in dropped}, data


if __name__ == "__main__":
    # A stub to look at: console_proxy.py [PORT]
    stub = StubGateway(port=int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(f"{stub.url}/console/", flush=True)
    threading.Event().wait()
