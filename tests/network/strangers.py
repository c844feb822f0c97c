"""What may answer in a server's place.

``ADDRESS PORT``: a guest network's sign-in page, over plain HTTP. ``ADDRESS SILENT MUTE BUSY SECONDS TLS``: on three
ports, nothing at all; TLS and then nothing; TLS and a server that asks for so many seconds. TLS is the folder with the
server's own certificate.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from pathlib import Path

PATIENCE = 60.0


def answer(listener: socket.socket, words: bytes | None, secure: Callable[[socket.socket], socket.socket]) -> None:
    """`words` to every request; None: never a word."""

    def serve(client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            client.settimeout(PATIENCE)
            secured = secure(client)
            while secured.recv(65536):
                if words is not None:
                    secured.sendall(words)
                    secured.close()
                    return

    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


def main() -> None:
    address, *rest = sys.argv[1:]
    if len(rest) == 1:
        page = b"HTTP/1.1 302 Found\r\nLocation: http://login.hotel.example/\r\nContent-Length: 0\r\n\r\n"
        answer(socket.create_server((address, int(rest[0]))), page, lambda client: client)
        return
    silent, mute, busy, seconds, tls = rest
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    folder = Path(tls)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    later = f"HTTP/1.1 503 Busy\r\nRetry-After: {seconds}\r\nContent-Length: 0\r\n\r\n".encode()
    secure = {silent: lambda client: client}
    for port, words in ((silent, None), (mute, None), (busy, later)):
        listener = socket.create_server((address, int(port)))
        how = secure.get(port, lambda client: context.wrap_socket(client, server_side=True))
        threading.Thread(target=answer, args=(listener, words, how)).start()


main()
