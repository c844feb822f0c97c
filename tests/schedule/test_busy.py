import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.schedule.busy import BusyBlock, BusyStatus, merge_busy, read_status

FREE, TENTATIVE, BUSY, OUT, ELSEWHERE = BusyStatus
STRENGTH = {FREE: 0, TENTATIVE: 1, ELSEWHERE: 2, BUSY: 3, OUT: 4}

blocks = st.lists(
    st.builds(
        lambda a, n, s: BusyBlock(a, a + n, s),
        st.integers(0, 60),
        st.integers(-2, 20),
        st.sampled_from(list(BusyStatus)),
    ),
    max_size=10,
)


def by_minute(blocks: list[BusyBlock]) -> dict[int, BusyStatus]:
    shown: dict[int, BusyStatus] = {}
    for start, end, status in blocks:
        for minute in range(start, end):
            shown[minute] = max(shown.get(minute, FREE), status, key=STRENGTH.__getitem__)
    return {minute: status for minute, status in shown.items() if status is not FREE}


def test_outlooks_numbers_are_read_and_an_unknown_one_counts_as_busy() -> None:
    assert [read_status(number) for number in range(5)] == [FREE, TENTATIVE, BUSY, OUT, ELSEWHERE]
    assert [read_status(number) for number in (-1, 5, 99)] == [BUSY] * 3


@given(blocks)
@settings(deadline=None, max_examples=300)
def test_each_minute_shows_the_strongest_of_what_covers_it(blocks: list[BusyBlock]) -> None:
    assert by_minute(list(merge_busy(blocks))) == by_minute(blocks)


@given(blocks)
@settings(deadline=None, max_examples=200)
def test_the_canonical_form_is_one_form(blocks: list[BusyBlock]) -> None:
    merged = merge_busy(blocks)
    assert merge_busy(merged) == merged
    assert merge_busy(sorted(blocks, reverse=True)) == merged
    assert all(
        one.end <= next_.start and not (one.end == next_.start and one.status == next_.status)
        for one, next_ in itertools.pairwise(merged)
    )
