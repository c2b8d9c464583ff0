"""A server on loopback whose every answer a test decides."""

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
    """The query of a request, by name; ``path`` is what stands before it, below the API's prefix.

    ``port`` tells the connections of a client apart.
    """

    path, port = "", 0


@contextlib.contextmanager
def serving(answer, tls=None):
    """Serve ``answer(query, count)``: a JSON body, a (status, headers, body) triple, or raw bytes to send and hang up.

    Raw bytes may come in pieces: a generator is sent as it yields. ``tls`` is a server's SSLContext. Yields the
    address, and a list of the headers of each request so far.
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
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": len(body), **headers}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    class Server(socketserver.ThreadingTCPServer):
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

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}", visits
        finally:
            server.shutdown()
            thread.join()
