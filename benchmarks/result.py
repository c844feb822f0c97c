"""What a benchmark yields."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """`value` and `peer_value` in `unit`; less is better, but not where the unit is per second. A case without a peer
    has None there. `ratio`: how many times better ours is."""

    name: str
    case: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None

    @property
    def ratio(self) -> float | None:
        if not self.peer_value or not self.value:
            return None
        less, more = (self.value, self.peer_value) if not self.unit.endswith("/s") else (self.peer_value, self.value)
        return round(more / less, 2)

    def row(self) -> tuple[str, str, str, str, str, str]:
        def amount(value: float | None) -> str:
            return "" if value is None else f"{value:,.4g} {self.unit}"

        ratio = "" if self.ratio is None else f"{self.ratio:,.4g}"
        return self.name, self.case, amount(self.value), amount(self.peer_value), ratio, self.peer or ""
