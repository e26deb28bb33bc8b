"""What a stored run says, looked up by victim and method.

Enters: a run's robustness.json as it is read. Leaves: intervals of 95 % and paired tests; None for what it doesn't
have.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cocnet.metrics import Interval, PairedTest, wilson


@dataclass(frozen=True)
class RunFacts:
    """One run."""

    facts: Mapping[str, Any]

    @property
    def victims(self) -> tuple[str, ...]:
        """The classifiers that were attacked."""
        return tuple(self.facts["run"]["victims"])

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods, as they were spelled."""
        return tuple(self.facts["run"]["methods"])

    @property
    def photos(self) -> int:
        """How many photos were looked at."""
        return int(self.facts["photos"])

    @property
    def unfinished(self) -> tuple[str, ...]:
        """What is missing of it, in words."""
        return tuple(note for note in self.facts["notes"] if note.startswith("not finished"))

    def score(self, victim: str, method: str) -> Mapping[str, Any] | None:
        """The row of a victim and a method, of one photo at least."""
        found = [one for one in self.facts["scores"] if (one["victim"], one["method"]) == (victim, method)]
        return found[0] if found and found[0]["right"]["count"] else None

    def share(self, victim: str, method: str, what: str) -> Interval | None:
        """A share of a row: right, right_saved, success or success_saved."""
        row = self.score(victim, method)
        return None if row is None else interval_of(row[what])

    def psnr_db(self, victim: str, method: str, to: str = "natural") -> Interval | None:
        """The mean PSNR of a method's files to natural bokeh or to the photo, of those that differ from it; without
        bounds (NaN) where fewer than half do."""
        row = self.score(victim, method)
        found = None if row is None or "psnr" not in row[f"to_{to}"] else interval_of(row[f"to_{to}"]["psnr"])
        files = self.share(victim, method, "right")
        if found is None or files is None or 2 * found.count >= files.count:
            return found
        return replace(found, low=math.nan, high=math.nan)

    def accuracy(self, victim: str, bokeh: bool) -> Interval | None:
        """The share of photos, or of natural bokeh, that a victim names rightly."""
        return interval_of(self.facts["natural" if bokeh else "clean"][victim])

    def lost(self, victim: str) -> PairedTest:
        """Photos that are right only without (first), only with natural bokeh."""
        return PairedTest(**self.facts["lost"][victim])

    def pair(self, victim: str, first: str, second: str) -> PairedTest | None:
        """Which photos only one of two methods fools."""
        for one in self.facts["pairs"]:
            test = PairedTest(**one["test"])
            if one["victim"] == victim and (one["first"], one["second"]) == (first, second):
                return test
            if one["victim"] == victim and (one["first"], one["second"]) == (second, first):
                return PairedTest(test.only_second, test.only_first, test.p)
        return None

    def transfer(self, method: str) -> Iterator[tuple[str, str, Interval]]:
        """Of each two victims: made against the first, and what is fooled of the second by it."""
        for table in self.facts["matrices"]:
            for source, row in table["fooled"].items() if table["method"] == method else ():
                for target, share in row.items():
                    found = interval_of(share)
                    if target != source and found is not None:
                        yield source, target, found

    def survival(self, victim: str, method: str, transform: str) -> Mapping[str, Any] | None:
        """What a transform leaves of a method."""
        for one in self.facts["survival"]:
            if (one["victim"], one["method"], one["transform"]) == (victim, method, transform):
                return dict(one)
        return None


def interval_of(found: Mapping[str, Any]) -> Interval | None:
    """A value with its interval; None for one of no photo."""
    if not found["count"]:
        return None
    value, low, high = (float(found[name]) for name in ("value", "low", "high"))
    return Interval(value, low, high, int(found["count"]))


def hits(share: Interval) -> int:
    """How many of its photos a share is."""
    return round(share.value * share.count)


def pooled(shares: list[Interval]) -> Interval:
    """The mean of shares of the same photos; its interval is that of as many photos as the largest has, not of their
    sum, as what fools one classifier says much about the next."""
    mean = sum(map(hits, shares)) / sum(share.count for share in shares)
    count = max(share.count for share in shares)
    return wilson(round(mean * count), count)
