"""An HTTP proxy on loopback that refuses to connect to anything."""

import contextlib
import socketserver
import threading


@contextlib.contextmanager
def refusing_proxy(status):
    """Answer each CONNECT with a status. Yields the proxy's host and port, and a list with each request's bytes."""
    requests = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            lines = [self.rfile.readline()]
            while lines[-1].strip():
                lines.append(self.rfile.readline())
            requests.append(b"".join(lines))
            self.wfile.write(b"HTTP/1.1 %d Status\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}", requests
        finally:
            server.shutdown()
            thread.join()
