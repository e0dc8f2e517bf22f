"""Cases, the rounds in which they are measured, and the table of ratios."""

import statistics
import sys
from dataclasses import dataclass, field


@dataclass
class Metric:
    """A field of what a measurement found, and which way is better."""

    field: str
    unit: str
    higher_is_better: bool


RATE = Metric("rate", "/s", True)
MEGABYTES = Metric("mb_per_s", "MB/s", True)
MEDIAN = Metric("p50_ms", "ms", False)
CPU = Metric("cpu_us_server", "µs CPU", False)


@dataclass
class Case:
    """The same work for each contender: a function that does it once and gives what was found."""

    name: str
    metrics: list
    contenders: dict = field(default_factory=dict)


OURS = "ours"


def run(cases, rounds):
    """Measures each case in rounds, the contenders one after the other in each, and yields it with all values."""
    for case in cases:
        values = {contender: [] for contender in case.contenders}
        names = list(case.contenders)
        for number in range(rounds):
            # Nobody is always the first.
            for contender in names[number % len(names):] + names[:number % len(names)]:
                print(f"  {case.name}: {contender}, round {number + 1}", file=sys.stderr)
                values[contender].append(case.contenders[contender]())
        yield case, values


def ratios(ours, theirs, metric):
    """How many times as good ours was, round by round; rounds in which nothing could be measured are left out."""
    pairs = [(a[metric.field], b[metric.field]) for a, b in zip(ours, theirs)]
    return [a / b if metric.higher_is_better else b / a for a, b in pairs if a > 0 and b > 0]


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def print_case(case, values):
    """Prints the rows of one case; gives the smallest median ratio with its row's name."""
    least = (float("inf"), "")
    for metric in case.metrics:
        mine = values[OURS]
        median = statistics.median(found[metric.field] for found in mine)
        for contender, theirs in values.items():
            if contender == OURS:
                continue
            each = ratios(mine, theirs, metric)
            if not each:
                continue
            ratio = statistics.median(each)
            their_median = statistics.median(found[metric.field] for found in theirs)
            print(f"| {case.name} | {number(median)} {metric.unit} | {contender} | {number(their_median)} "
                  f"| {ratio:.2f} | {min(each):.2f}–{max(each):.2f} |", flush=True)
            least = min(least, (ratio, f"{case.name}, {metric.unit}"))
    return least


def print_head():
    print("| case | ours | beside | theirs | times as good | in the rounds |\n|---|---|---|---|---|---|", flush=True)
