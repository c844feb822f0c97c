from uuid import uuid4

from connector.sync.world import World
from dovetail.connector.sync.runs import Outcome
from dovetail.protocol.messages import ItemOutcome


def test_it_works(world: World) -> None:
    world.adds(world.at(1, 9))
    world.adds(world.at(2, 9), calendar="busy")
    booking = uuid4()
    world.server.book(booking, world.at(3, 10), world.at(3, 11))

    report = world.sync()

    assert report.outcome is Outcome.OK
    assert report.created == 2
    assert world.is_busy(world.at(1, 9))
    assert world.is_busy(world.at(2, 9), "busy")
    assert not world.is_busy(world.at(3, 10))
    assert world.item(booking).fields.start == world.at(3, 10)
    reported = world.reported(booking)
    assert reported is not None
    assert (reported.outcome, reported.revision) == (ItemOutcome.WRITTEN, 1)

    again = world.sync()
    assert (again.requests, again.created, again.chunks_sent) == (1, 0, 0)
