"""Checks the promises of the server on the real kernel: calls that fail, disks that fill, processes that stop.

Scripts/torture.sh calls it, and describes the arguments. Ends with 1 if there are findings.
"""

import argparse
import collections
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PARTS = ("sweep", "order", "roll", "disk", "lifecycle", "copy", "kill")


class Report:
    """Prints each finding, and counts equal ones."""

    def __init__(self, keeps):
        self.keeps = keeps
        self.findings, self.skipped = [], []

    def __call__(self, finding):
        self.findings.append(finding)
        print(finding, flush=True)

    def skip(self, part, why):
        self.skipped.append((part, why))
        print(f"SKIPPED {part}: {why}", flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("executable", type=pathlib.Path, help="immudb")
    parser.add_argument("--only", help="parts, with commas between: " + ", ".join(PARTS))
    parser.add_argument("--short", action="store_true", help="a sample within 90 s")
    parser.add_argument("--rounds", type=int, help="of kill and lifecycle; of sweep: so many faults, not all")
    parser.add_argument("--seconds", type=float, help="begin no run of the sweep after so many")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--case", action="append", default=[], help="a fault of the sweep, by name")
    parser.add_argument("--match", default="", help="of sweep, only faults whose name has this in it; of disk "
                        "and lifecycle, only tests whose name begins so")
    parser.add_argument("--folder", help="where to work, on a real disk; by default a temporary folder")
    parser.add_argument("--keep", action="store_true", help="leave the folders of findings")
    return parser.parse_args()


def run(part, given, folder, report):
    executable, seed, short = given.executable.resolve(), given.seed, given.short
    if part == "sweep":
        from torture_sweep import sweep
        number = given.rounds or (60 if short else None)
        seconds = given.seconds or (75 if short else None)
        count = sweep(executable, folder, seed, report, number, seconds, given.case, given.match)
        return f"{count} faults"
    if part == "order":
        from torture_order import order
        return order(executable, folder, seed, report)
    if part == "roll":
        from torture_roll import roll
        return roll(executable, folder, seed, report, short)
    if part == "disk":
        from torture_disk import disk
        return disk(executable, folder, seed, report, given.match)
    if part == "lifecycle":
        from torture_lifecycle import lifecycle
        return lifecycle(executable, folder, seed, report, given.rounds or (5 if short else 40),
                         given.match)
    if part == "copy":
        from torture_copy import copy
        return copy(executable, folder, seed, report, 4 if short else 12)
    rounds = given.rounds or (5 if short else 1000)
    script = pathlib.Path(__file__).with_name("crash_test.py")
    from torture_server import Finding, SEGMENT_BYTES
    code = subprocess.run(
        [sys.executable, script, executable, "--rounds", str(rounds), "--seed", str(seed), "--folder", folder],
        env={**os.environ, "IMMUDB_TEST_SEGMENT_BYTES": SEGMENT_BYTES}).returncode
    if code:
        report(Finding("kill", "a crash test fails", "see above", f"crash_test.py --seed {seed}"))
    return f"{rounds} rounds"


def main():
    given = arguments()
    # So that volumes are unmounted and folders removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # The other parts take too long for the short form, which runs in every test run.
    parts = (given.only or ("sweep,order" if given.short else ",".join(PARTS))).split(",")
    if unknown := set(parts) - set(PARTS):
        raise SystemExit(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    print(f"torture: {', '.join(parts)}; seed {given.seed}; {given.executable}", flush=True)
    report = Report(given.keep)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="immudb-torture-", dir=given.folder))
    summary = []
    try:
        for part in parts:
            began = time.monotonic()
            place = folder / part
            place.mkdir()
            what = run(part, given, place, report)
            summary.append(f"{part}: {what} in {time.monotonic() - began:.0f} s")
    finally:
        if not (given.keep and report.findings):
            shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(summary))
    for part, why in report.skipped:
        print(f"skipped {part}: {why}")
    if not report.findings:
        print("no findings")
        return 0
    print(f"{len(report.findings)} findings:")
    kinds = collections.Counter((finding.part, finding.kind) for finding in report.findings)
    for (part, kind), count in kinds.most_common():
        print(f"  {count:4} {part}: {kind}")
    if given.keep:
        print(f"kept: {folder}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
