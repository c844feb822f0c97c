"""WSGI applications and small helpers the tests of the web process share."""

import time


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


def slow(seconds):
    def application(environ, start_response):
        time.sleep(seconds)
        return hello(environ, start_response)

    return application


def wait_until(true, seconds=5):
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.02)
