#!/usr/bin/env python3
"""The tests tested: breaks one promise at a time in a copy of the sources, and expects a test to fail.

Scripts/mutants.txt lists the lines that carry a promise, what to put in their place, and the tests that
have to notice. For each: the copy is changed, built and tested, and changed back.

  killed     a test failed, crashed, or hung
  SURVIVED   every test passed: nothing stands behind the promise
  STALE      the text is not found in the file, or found twice: mend the list
  BROKEN     the changed sources do not compile: mend the list

Each is built with the packages only that its tests need, in .build-mutants, which takes seconds instead of minutes.
"""

import argparse
import filecmp
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "Scripts" / "mutants.txt"
WORK = ROOT / ".build-mutants"
# Packages that are built for a mutant, the smallest that holds its tests. The rest of the manifest is left out.
LEDGER = ["CLibcrypto", "MerkleTree", "StorageIO", "Ledger", "SimulatedDisk"]
LEDGER += ["MerkleTreeTests", "StorageIOTests", "LedgerTests"]
INDEX = ["CLibcrypto", "CRocksDB", "MerkleTree", "StorageIO", "RocksDBBridge", "KeyIndex", "KeyIndexTests"]
STORE = {*LEDGER, *INDEX, "ImmudbStore", "ImmudbStoreTests", "StoreFaultTests"}
STORE = sorted(STORE - {"LedgerTests", "MerkleTreeTests", "StorageIOTests", "KeyIndexTests"})
GROUPS = {"ledger": LEDGER, "index": INDEX, "store": STORE, "whole": None}
TEST_SECONDS = 300


class Mutant:
    def __init__(self, number, promise, path, tests, original, replacement):
        self.number, self.promise, self.path, self.tests = number, promise, path, tests
        self.original, self.replacement = original, replacement

    @property
    def group(self):
        needed = {test.split(".")[0] for test in self.tests}
        for name, kept in GROUPS.items():
            if kept is None or needed <= set(kept):
                return name

    def problem(self, root):
        """Why the mutant does not fit the sources; None if it does."""
        path = root / self.path
        if not path.is_file():
            return f"{self.path} does not exist"
        count = path.read_text().count(self.original)
        return None if count == 1 else f"{self.path} has the text {count} times"


def read_list():
    pattern = re.compile(
        r"^# (?P<promise>.+)\nfile: (?P<file>\S+)\ntests: (?P<tests>.+)\n<<<\n(?P<old>(?:.*\n)*?)===\n"
        r"(?P<new>(?:.*\n)*?)>>>\n", re.MULTILINE)
    text = LIST.read_text()
    mutants = [
        Mutant(number, one["promise"], one["file"], one["tests"].split(), one["old"], one["new"])
        for number, one in enumerate(pattern.finditer(text), 1)]
    if len(mutants) != text.count("\n<<<\n"):
        sys.exit(f"{LIST}: {text.count(chr(10) + '<<<' + chr(10))} blocks, of which {len(mutants)} can be read")
    return mutants


def mirror(source, target):
    """Makes the target equal to the source. Equal files keep their times, so that they are not built again."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        names = {entry.name for entry in source.iterdir()}
        for entry in list(target.iterdir()):
            if entry.name not in names:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for name in names:
            mirror(source / name, target / name)
    elif source.exists() and not (target.exists() and filecmp.cmp(source, target, shallow=False)):
        shutil.copy2(source, target)
        target.touch()


class Workshop:
    """A copy of the repository, with all of its packages or some."""

    def __init__(self, swift, group):
        self.swift = swift
        self.group = group
        self.copy = WORK / group

    def prepare(self):
        kept = GROUPS[self.group]
        self.copy.mkdir(parents=True, exist_ok=True)
        for name in ["Sources", "Tests"] + (["Benchmarks", "Examples"] if kept is None else []):
            mirror(ROOT / name, self.copy / name)
        venv = self.copy / ".venv"
        if (ROOT / ".venv").exists() and not venv.exists():
            venv.symlink_to(ROOT / ".venv")
        manifest = (ROOT / "Package.swift").read_text()
        if kept is not None:
            manifest += (
                f"\nlet kept: Set<String> = [{', '.join(f'{chr(34)}{name}{chr(34)}' for name in kept)}]\n"
                "package.dependencies = []\npackage.products = []\n"
                "package.targets = package.targets.filter { kept.contains($0.name) }\n")
        path = self.copy / "Package.swift"
        if not path.exists() or path.read_text() != manifest:
            path.write_text(manifest)

    def run(self, command, seconds=None):
        """The exit code and the output; None for one that was stopped after the time."""
        process = subprocess.Popen(
            command, cwd=self.copy, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", start_new_session=True)
        try:
            output, _ = process.communicate(timeout=seconds)
            return process.returncode, output
        except subprocess.TimeoutExpired:
            # The tests are a process of their own, and go on without the one that started them.
            os.killpg(process.pid, signal.SIGKILL)
            return None, process.communicate()[0]

    def build(self):
        return self.run([*shlex.split(self.swift), "build", "--build-tests"])

    def test(self, filters):
        arguments = [part for one in filters for part in ("--filter", one)]
        return self.run(
            ["swift", "test", "--skip-build", "--disable-xctest", *arguments], TEST_SECONDS)

    def judge(self, mutant):
        problem = mutant.problem(self.copy)
        if problem:
            return "STALE", problem
        path = self.copy / mutant.path
        text = path.read_text()
        path.write_text(text.replace(mutant.original, mutant.replacement))
        try:
            code, output = self.build()
            if code != 0:
                errors = [line for line in output.splitlines() if "error:" in line]
                return "BROKEN", errors[0][:300] if errors else "it is not built"
            code, output = self.test(mutant.tests)
        finally:
            path.write_text(text)
        if "Test run started" not in output:
            return "BROKEN", "the tests did not start"
        if code is None:
            return "killed", "the tests hung"
        if code == 0:
            return "SURVIVED", ""
        failed = re.findall(r'✘\S* Test (".+?"|\S+?\(\)) (?:recorded an issue|failed)', output)
        return "killed", failed[0][:90] if failed else "the tests crashed"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print the mutants and end")
    parser.add_argument("--check", action="store_true", help="only look whether every text is found, once")
    parser.add_argument("--only", metavar="N", help="these numbers: 3 or 3,5 or 7-12")
    parser.add_argument("--group", choices=GROUPS, help="only those of one package")
    parser.add_argument("--no-baseline", action="store_true", help="do not run the tests without a mutant first")
    parser.add_argument("--swift", default="swift", help="the command that builds, as in 'flock /tmp/build.lock swift'")
    options = parser.parse_args()

    mutants = read_list()
    if options.only:
        wanted = set()
        for part in options.only.split(","):
            first, _, last = part.partition("-")
            wanted.update(range(int(first), int(last or first) + 1))
        mutants = [mutant for mutant in mutants if mutant.number in wanted]
    if options.group:
        mutants = [mutant for mutant in mutants if mutant.group == options.group]
    if options.list:
        for mutant in mutants:
            print(f"{mutant.number:3} {mutant.path}: {mutant.promise} [{' '.join(mutant.tests)}]")
        return 0
    if options.check:
        stale = [(mutant, problem) for mutant in mutants if (problem := mutant.problem(ROOT))]
        for mutant, problem in stale:
            print(f"{mutant.number:3} STALE {problem}: {mutant.promise}")
        print(f"{len(mutants) - len(stale)} of {len(mutants)} mutants fit the sources")
        return 1 if stale else 0

    counts = {"killed": 0, "SURVIVED": 0, "STALE": 0, "BROKEN": 0}
    for name in GROUPS:
        group = [mutant for mutant in mutants if mutant.group == name]
        if not group:
            continue
        workshop = Workshop(options.swift, name)
        workshop.prepare()
        if not options.no_baseline:
            print(f"{name}, without a mutant: ", end="", flush=True)
            code, output = workshop.build()
            if code == 0:
                code, output = workshop.test(sorted({test for mutant in group for test in mutant.tests}))
            if code != 0:
                print(output[-3000:])
                sys.exit("the tests fail without any mutant: mend that first")
            print("all tests pass", flush=True)
        for mutant in group:
            start = time.monotonic()
            verdict, detail = workshop.judge(mutant)
            counts[verdict] += 1
            print(
                f"{mutant.number:3} {verdict:8} {mutant.promise}  ({detail}{'; ' if detail else ''}"
                f"{time.monotonic() - start:.0f} s)", flush=True)
    print(f"{counts['killed']} killed, {counts['SURVIVED']} survived", end="")
    print(f", {counts['STALE'] + counts['BROKEN']} to be mended" if counts["STALE"] + counts["BROKEN"] else "")
    return 0 if counts["killed"] == sum(counts.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
