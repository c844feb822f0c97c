"""Listening sockets: what is accepted on them sends at once what it is given."""

import asyncio
import socket

import pytest

from dovetail.server.web import listen


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
def test_small_answers_do_not_wait_for_the_one_before_to_arrive(address):
    """Nagle's algorithm would hold them back for as long as the other end delays its acknowledgement."""

    async def accepted() -> int:
        made = asyncio.get_running_loop().create_future()

        class Peer(asyncio.Protocol):
            def connection_made(self, transport):
                made.set_result(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                transport.abort()

        with listen.bound(address, 0) as sockets:
            server = await asyncio.get_running_loop().create_server(Peer, sock=sockets[0].dup())
            with socket.create_connection(sockets[0].getsockname()[:2]):
                is_on = await made
            server.close()
        return is_on

    assert asyncio.run(accepted())
