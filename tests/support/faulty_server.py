"""A server on loopback whose responses a test decides."""

import contextlib
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, urlsplit

CLIENT_ID = "client-id-ab12"
SECRET = "planted-secret-7f3a91"


class Query(dict):
    """The query of a request as a dictionary, with its path below the API's prefix.

    ``port`` is the client's, so that a test can distinguish connections.
    """

    path, port = "", 0


@contextlib.contextmanager
def serving(answer, tls=None, port=0):
    """Serve what ``answer(query, count)`` returns; ``count`` is the number of requests so far.

    A JSON value is sent with status 200, a tuple as status, headers and body. A header whose value is None is left out,
    also ``Date``. Raw bytes, or a generator of them, are sent as they are, and the connection is closed. ``tls`` is a
    server's SSLContext, and ``port`` where it listens, a free one by default. Yields the server's URL, and a list with
    the headers of each request.
    """
    visits, lock = [], threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            query = Query(parse_qsl(urlsplit(self.path).query))
            query.port = self.client_address[1]
            query.path = urlsplit(self.path).path.removeprefix("/api/external")
            with lock:
                visits.append(dict(self.headers))
                reply = answer(query, len(visits))
            if isinstance(reply, bytes | Iterator):
                for piece in [reply] if isinstance(reply, bytes) else reply:
                    self.wfile.write(piece)
                self.close_connection = True
                return
            status, headers, body = reply if isinstance(reply, tuple) else (200, {}, reply)
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response_only(status)
            usual = {"Date": self.date_time_string(), "Content-Type": "application/json", "Content-Length": len(body)}
            for name, value in {**usual, **headers}.items():
                if value is not None:
                    self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_):
            pass  # a client that hangs up is part of the test

        def process_request(self, request, client_address):
            request.settimeout(10)
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                request = tls.wrap_socket(request, server_side=True) if tls else request
            except OSError:
                return  # the client did not trust the certificate
            super().process_request(request, client_address)

    with Server(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}", visits
        finally:
            server.shutdown()
            thread.join()
