import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.schedule.intervals import Interval, clip, intersect, merge, subtract

ranges = st.lists(st.builds(lambda a, n: Interval(a, a + n), st.integers(-40, 40), st.integers(-3, 20)), max_size=8)


def minutes(intervals: list[Interval]) -> set[int]:
    return {minute for start, end in intervals for minute in range(start, end)}


def is_canonical(intervals: list[Interval]) -> bool:
    return all(start < end for start, end in intervals) and all(
        one.end < next_.start for one, next_ in itertools.pairwise(intervals)
    )


@given(ranges, ranges, st.integers(-50, 50), st.integers(0, 50))
@settings(deadline=None, max_examples=300)
def test_every_operation_is_the_same_operation_on_sets_of_minutes(
    a: list[Interval], b: list[Interval], start: int, length: int
) -> None:
    within = Interval(start, start + length)
    for result, expected in [
        (merge(a), minutes(a)),
        (subtract(a, b), minutes(a) - minutes(b)),
        (intersect(a, b), minutes(a) & minutes(b)),
        (clip(a, within), minutes(a) & set(range(*within))),
    ]:
        assert minutes(result) == expected
        assert is_canonical(result)
