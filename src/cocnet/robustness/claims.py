"""What the paper says of adversarial bokeh, and what stored runs say to it.

Enters: a run (`RunFacts`). Leaves: `Claim`s with a verdict for each victim and method that was measured: "holds" or
"doesn't hold" where an interval of 95 % lies on one side, else "can't be told".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from cocnet.metrics import Interval
from cocnet.robustness.published_tables23 import ACCURACY, METHODS, TRANSFER
from cocnet.robustness.run_facts import RunFacts, hits, interval_of, pooled

HOLDS, FAILS, OPEN, NONE = "holds", "doesn't hold", "can't be told", "not measured"
PAPER = ("gda", "sm-gda", "bg-gda")
BELOW, LIKE_DB, LEVEL, ENOUGH = 0.10, 40.0, 0.05, 5


@dataclass(frozen=True)
class Case:
    """One measurement: of what, the verdict, the figures."""

    of: str
    verdict: str
    figures: str


@dataclass(frozen=True)
class Claim:
    """What is claimed, how it is judged, and every case of it."""

    text: str
    rule: str
    cases: tuple[Case, ...]

    @property
    def verdict(self) -> str:
        """All cases together; where they differ, which is which."""
        if not self.cases:
            return NONE
        kinds = {kind: [one.of for one in self.cases if one.verdict == kind] for kind in (HOLDS, FAILS, OPEN)}
        found = {kind: cases for kind, cases in kinds.items() if cases}
        if len(found) == 1:
            return next(iter(found))
        return "in part: " + "; ".join(f"{kind} for {', '.join(cases)}" for kind, cases in found.items())


def judge_claims(run: RunFacts) -> list[Claim]:
    """All claims, in the paper's order."""
    return [
        Claim(
            "Natural bokeh costs classifiers accuracy (the paper: about 7 points)",
            "McNemar's test, p < 0.05, of photos that are right only without or only with bokeh",
            tuple(_natural(run)),
        ),
        Claim(
            "gda, sm-gda and bg-gda bring accuracy below 10 % at their ε",
            "the interval of accuracy before files are rounded, which favours the attack, against 10 %",
            tuple(_below(run)),
        ),
        Claim(
            "An optimised change of depth fools more than the best of as many random ones of the same ε",
            "McNemar's test of what the files fool, p < 0.05",
            tuple(_optimised(run)),
        ),
        Claim(
            "The pictures look like natural bokeh",
            f"mean PSNR to it above {LIKE_DB:g} dB, of the pictures that differ at all, if half do",
            tuple(_alike(run)),
        ),
        Claim(
            "sm-gda gives pictures that are more similar than gda's, bg-gda less similar ones",
            "the intervals of the mean PSNR to natural bokeh, of pictures that differ, each at its own ε, lie apart",
            tuple(_order(run)),
        ),
        Claim(
            "sm-gda and bg-gda attack better than gda",
            "McNemar's test of what the files fool, each at its own ε, p < 0.05",
            tuple(_better(run)),
        ),
        Claim(
            "The pictures fool other classifiers, too",
            "the share that is fooled of photos that both name rightly before, against the paper's share",
            tuple(_transfer(run)),
        ),
        Claim(
            "bg-gda transfers best",
            "the intervals of the mean share fooled over pairs of classifiers, as of one pair's photos, lie apart",
            tuple(_best_transfer(run)),
        ),
        Claim(
            "The pictures look more natural than those of ACE",
            "the intervals of the mean PSNR to natural bokeh, of pictures that differ at all, lie apart",
            tuple(_beside_ace(run)),
        ),
    ]


def survival_claims(
    run: RunFacts, transforms: tuple[str, ...] = ("jpeg95", "jpeg75", "resize")
) -> list[Claim]:
    """What is left after what happens to pictures, and whether it helps an attack to know of it."""
    return [
        Claim(
            "Files that fool go on to fool after JPEG or a resize (the paper: bokeh “may be maliciously exploited”)",
            f"more or less than half of what fooled before, where that was {ENOUGH} files or more",
            tuple(_survival(run, transforms)),
        ),
        Claim(
            "An attack that reckons with them fools more after them than one that doesn't (not the paper's)",
            "the intervals of the share fooled after the transform lie apart",
            tuple(_knowing(run, transforms)),
        ),
    ]


def percent(share: Interval) -> str:
    """Whole percent with the interval."""
    return f"{100 * share.value:.0f} % [{100 * share.low:.0f}, {100 * share.high:.0f}]"


def above(share: Interval, limit: float) -> str:
    """Holds where the whole interval lies above a limit."""
    return HOLDS if share.low > limit else FAILS if share.high < limit else OPEN


def apart(larger: Interval, smaller: Interval) -> str:
    """Holds where one interval lies above the other."""
    return HOLDS if larger.low > smaller.high else FAILS if larger.high < smaller.low else OPEN


def more(first: int, second: int, p: float) -> str:
    """Holds where a paired test says that the first has more."""
    return OPEN if p >= LEVEL or first == second else HOLDS if first > second else FAILS


def _natural(run: RunFacts) -> Iterator[Case]:
    for victim in run.victims:
        test, clean, bokeh = run.lost(victim), run.accuracy(victim, False), run.accuracy(victim, True)
        if clean is not None and bokeh is not None:
            figures = (
                f"{100 * clean.value:.1f} → {100 * bokeh.value:.1f} % of {clean.count}; {test.only_first} lost, "
                f"{test.only_second} gained, p = {test.p:.1g}"
            )
            yield Case(victim, more(test.only_first, test.only_second, test.p), figures)


def _below(run: RunFacts) -> Iterator[Case]:
    for victim in run.victims:
        for method in PAPER:
            right = run.share(victim, method, "right")
            if right is not None:
                verdict = {HOLDS: FAILS, FAILS: HOLDS}.get(above(right, BELOW), OPEN)
                yield Case(f"{method} on {victim}", verdict, f"{percent(right)} right of {right.count}")


def _optimised(run: RunFacts) -> Iterator[Case]:
    pairs = [(m, f"random{m.removeprefix('gda')}") for m in run.methods if m == "gda" or m.startswith("gda@")]
    for victim in run.victims:
        for method, random in pairs:
            test = run.pair(victim, method, random)
            if test is not None and run.score(victim, method) and run.score(victim, random):
                figures = (
                    f"{test.only_first} only it, {test.only_second} only the random one, p = {test.p:.1g}"
                )
                yield Case(f"{method} on {victim}", more(test.only_first, test.only_second, test.p), figures)


def _alike(run: RunFacts) -> Iterator[Case]:
    for victim in run.victims:
        for method in PAPER:
            psnr = run.psnr_db(victim, method)
            if psnr is not None:
                yield Case(f"{method} on {victim}", above(psnr, LIKE_DB), f"{psnr.value:.1f} dB")


def _order(run: RunFacts) -> Iterator[Case]:
    for victim in run.victims:
        gda = run.psnr_db(victim, "gda")
        for method in PAPER[1:]:
            other = run.psnr_db(victim, method)
            if gda is not None and other is not None:
                verdict = apart(other, gda) if method == "sm-gda" else apart(gda, other)
                figures = f"{other.value:.1f} dB, gda {gda.value:.1f} dB"
                yield Case(f"{method} on {victim}", verdict, figures)


def _better(run: RunFacts) -> Iterator[Case]:
    for victim in run.victims:
        for method in PAPER[1:]:
            test = run.pair(victim, method, "gda")
            if test is not None and run.score(victim, method) and run.score(victim, "gda"):
                figures = f"{test.only_first} only it, {test.only_second} only gda, p = {test.p:.1g}"
                yield Case(f"{method} on {victim}", more(test.only_first, test.only_second, test.p), figures)


def _transfer(run: RunFacts) -> Iterator[Case]:
    for method in PAPER:
        printed = paper_transfer()[method]
        shares = list(run.transfer(method))
        for source in dict.fromkeys(source for source, _, _ in shares):
            each = [share for one, _, share in shares if one == source]
            worst = max(each, key=lambda share: share.value)
            figures = (
                f"at worst {hits(worst)} of {worst.count}, {percent(worst)}; the paper {100 * printed:.0f} %"
            )
            told = {above(share, printed) for share in each}
            verdict = next(iter(told)) if len(told) == 1 else OPEN
            yield Case(f"{method} from {source}", verdict, figures)


def _best_transfer(run: RunFacts) -> Iterator[Case]:
    found = {method: [share for _, _, share in run.transfer(method)] for method in PAPER}
    if not all(found.values()):
        return
    all_pairs = {method: pooled(shares) for method, shares in found.items()}
    for method in PAPER[:2]:
        best, other = all_pairs["bg-gda"], all_pairs[method]
        figures = f"{percent(best)}, {method} {percent(other)}"
        yield Case(f"against {method}", apart(best, other), figures)


def _beside_ace(run: RunFacts) -> Iterator[Case]:
    for victim in run.victims:
        gda, ace = run.psnr_db(victim, "gda"), run.psnr_db(victim, "ace")
        if gda is not None and ace is not None:
            yield Case(victim, apart(gda, ace), f"gda {gda.value:.0f} dB, ACE {ace.value:.0f} dB")


def _survival(run: RunFacts, transforms: tuple[str, ...]) -> Iterator[Case]:
    for victim, method, transform in product(run.victims, run.methods, transforms):
        row = run.survival(victim, method, transform)
        still = None if row is None else interval_of(row["still"])
        if still is not None and still.count >= ENOUGH:
            of = f"{method} after {transform}"
            yield Case(of, above(still, 0.5), f"{hits(still)} of {still.count}")


def _knowing(run: RunFacts, transforms: tuple[str, ...]) -> Iterator[Case]:
    for victim, method, transform in product(run.victims, run.methods, transforms):
        plain, _, known = method.partition(":eot=")
        rows = [run.survival(victim, name, transform) for name in (method, plain)]
        if known and transform in known.split("+") and all(row is not None for row in rows):
            knowing, blind = (interval_of(row["fooled"]) for row in rows if row is not None)
            if knowing is not None and blind is not None:
                figures = f"{percent(knowing)}, without {percent(blind)}"
                yield Case(f"{plain} after {transform}", apart(knowing, blind), figures)


def paper_transfer() -> Mapping[str, float]:
    """The paper's mean share of rightly named natural bokeh that pictures made against another fool."""
    natural = sum(ACCURACY[target][METHODS.index("bokeh")] for _, target in TRANSFER)
    return {
        method: 1 - sum(values[place] for values in TRANSFER.values()) / natural
        for place, method in enumerate(PAPER)
    }
