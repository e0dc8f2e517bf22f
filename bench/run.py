"""Measures Sekisho beside its peers, or beside another build of itself. See README.md."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import peers
import table
from machine import REPOSITORY, Machine
from suites import ALL, Bench


def arguments():
    parser = argparse.ArgumentParser(prog="./scripts/bench", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"{', '.join(ALL)}; all if none is named")
    parser.add_argument("--binary", type=Path, metavar="PATH", help="measure this program instead of building one")
    parser.add_argument("--against", type=Path, metavar="PATH",
                        help="another build of Sekisho to compare with, instead of the peers")
    parser.add_argument("--at-least", type=float, default=0.0, metavar="RATIO",
                        help="fail if a median ratio is below this one")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each is measured (3)")
    parser.add_argument("--short", action="store_true", help="a hundredth of the work in one round: does it run?")
    chosen = parser.parse_args()
    for suite in chosen.suites:
        if suite not in ALL:
            parser.error(f"there is no suite {suite}: {', '.join(ALL)}")
    return chosen


def build():
    command = ["cargo", "build", "--quiet", "--profile", "dist", "--locked", "-p", "sekisho"]
    subprocess.run(command, check=True, cwd=REPOSITORY)
    return Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "dist/sekisho"


def main():
    chosen = arguments()
    suites = chosen.suites or list(ALL)
    with_peers = chosen.against is None
    for suite in suites:
        peers.needed(suite, with_peers)
    binaries = {table.OURS: (chosen.binary or build()).resolve()}
    if chosen.against:
        binaries["before"] = chosen.against.resolve()
    rounds, share = (1, 0.01) if chosen.short else (chosen.rounds, 1.0)
    slowest = (float("inf"), "")
    for suite in suites:
        machine = Machine()
        print(f"\n## {suite}\n")
        table.print_head()
        for case, values in table.run(ALL[suite](Bench(machine, binaries, with_peers, share)), rounds):
            slowest = min(slowest, table.print_case(case, values))
        machine.close()
    if slowest[0] < chosen.at_least:
        sys.exit(f"\n{slowest[1]}: {slowest[0]:.2f} times as good, and {chosen.at_least} was asked for")


if __name__ == "__main__":
    main()
