"""The server as a program of its own: arguments are the certificate, its key and how many seconds a page takes.

Prints a line of JSON with its ports when it is ready, "asked" for each request, and what its worker did at the end.
"""

import json
import sys
import threading
import time
from pathlib import Path

from pages import slow

from dovetail.server.web.process import ServeOptions, main


class Worker:
    """Its only job begins with the request to stop and takes longer than a page, as the worst case has it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.stopping = threading.Event()

    def run(self) -> None:
        self.stopping.wait()
        time.sleep(self.seconds + 0.5)
        print("worker done", flush=True)

    def stop(self) -> None:
        self.stopping.set()


certificate, key, seconds = sys.argv[1:]
page = slow(float(seconds))


def application(environ, start_response):
    print("asked", flush=True)
    return page(environ, start_response)


main(
    ServeOptions(
        application=application,
        certificate=Path(certificate),
        key=Path(key),
        public_host="localhost",
        host="localhost",
        port=0,
        http_port=0,
        worker=Worker(float(seconds)),
        on_ready=lambda listening: print(json.dumps(listening._asdict()), flush=True),
    )
)
