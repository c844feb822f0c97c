from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.schedule.busy import BusyBlock, BusyStatus, merge_busy
from dovetail.schedule.busymap import CHUNK_MINUTES, BusyMap, chunk_digest
from dovetail.schedule.intervals import Interval

BUSY = BusyStatus.BUSY
WEEK = CHUNK_MINUTES
EVER = Interval(-(10**9), 10**9)

blocks = st.lists(
    st.builds(
        lambda a, n, s: BusyBlock(a, a + n, s),
        st.integers(-2 * WEEK, 3 * WEEK),
        st.integers(0, 2 * WEEK),
        st.sampled_from(list(BusyStatus)),
    ),
    max_size=6,
)


def test_busy_time_over_a_week_end_is_cut_at_the_chunk() -> None:
    reduced = BusyMap.reduce({"a": [BusyBlock(WEEK - 10, WEEK + 10, BUSY)]}, EVER)
    assert reduced.chunks == {
        ("a", 0): (BusyBlock(WEEK - 10, WEEK, BUSY),),
        ("a", 1): (BusyBlock(WEEK, WEEK + 10, BUSY),),
    }


def test_time_before_the_epoch_has_its_own_chunk() -> None:
    reduced = BusyMap.reduce({"a": [BusyBlock(-5, 5, BUSY)]}, EVER)
    assert set(reduced.chunks) == {("a", -1), ("a", 0)}


def test_what_lies_outside_the_window_and_what_is_free_leaves_no_chunk() -> None:
    reduced = BusyMap.reduce(
        {"a": [BusyBlock(0, 100, BUSY), BusyBlock(WEEK, WEEK + 5, BusyStatus.FREE)], "b": []},
        Interval(50, 3 * WEEK),
    )
    assert reduced.chunks == {("a", 0): (BusyBlock(50, 100, BUSY),)}


@given(blocks, st.integers(-2 * WEEK, 2 * WEEK), st.integers(0, 2 * WEEK))
@settings(deadline=None, max_examples=200)
def test_the_chunks_of_a_calendar_put_together_are_its_busy_time(
    blocks: list[BusyBlock], start: int, length: int
) -> None:
    window = Interval(start, start + length)
    reduced = BusyMap.reduce({"a": blocks}, window)
    inside = [BusyBlock(max(b.start, start), min(b.end, window.end), b.status) for b in blocks]
    assert merge_busy(piece for pieces in reduced.chunks.values() for piece in pieces) == merge_busy(inside)
    for (_, index), pieces in reduced.chunks.items():
        assert pieces == merge_busy(pieces) != ()
        assert all(index * WEEK <= piece.start < piece.end <= (index + 1) * WEEK for piece in pieces)


def test_a_digest_is_that_of_the_documented_text() -> None:
    pieces = (BusyBlock(1, 2, BUSY), BusyBlock(3, 4, BusyStatus.TENTATIVE))
    assert chunk_digest(pieces) == sha256(b"1 2 2\n3 4 1\n").hexdigest()


def test_moving_one_meeting_changes_only_its_weeks_digest() -> None:
    before = BusyMap.reduce({"a": [BusyBlock(0, 10, BUSY), BusyBlock(WEEK, WEEK + 10, BUSY)]}, EVER).digests()
    after = BusyMap.reduce({"a": [BusyBlock(0, 10, BUSY), BusyBlock(WEEK, WEEK + 11, BUSY)]}, EVER).digests()
    assert {key for key in before if before[key] != after[key]} == {("a", 1)}
