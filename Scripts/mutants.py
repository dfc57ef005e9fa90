#!/usr/bin/env python3
"""Mutation tests: breaks one promise at a time in a copy of the sources, and expects a test to fail.

Scripts/mutants.txt lists the lines that carry a promise, what to put in their place, and the tests that
have to notice.

  killed     a test failed, crashed, or hung
  SURVIVED   every test passed: nothing stands behind the promise
  STALE      the text is not found in the file, or found twice: mend the list
  BROKEN     the changed sources do not compile: mend the list

The copy, in .build-mutants, holds all mutants of a package at once, each behind a switch that an environment variable
turns on: it is built once, with the packages only that its tests need. A mutant that cannot be switched, since it is
not a statement, a condition or an expression, is built by itself.
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
# The test targets of each group: for a mutant, only they and what they depend on are built. The last group is all.
GROUPS = {
    "ledger": ["MerkleTreeTests", "StorageIOTests", "LedgerTests"],
    "index": ["KeyIndexTests"],
    "store": ["ImmudbStoreTests", "StoreFaultTests"],
    "whole": None,
}
# Appended to the manifest of a copy.
KEEP = """
func names(_ dependencies: [Target.Dependency]) -> [String] {
    dependencies.compactMap {
        switch $0 {
        case .targetItem(let name, _), .byNameItem(let name, _): name
        default: nil
        }
    }
}
let targetsByName = Dictionary(uniqueKeysWithValues: package.targets.map { ($0.name, $0) })
var kept: Set<String> = []
var wanted: [String] = [%s]
while let name = wanted.popLast() {
    if let target = targetsByName[name], kept.insert(name).inserted { wanted += names(target.dependencies) }
}
package.products = []
package.targets = package.targets.filter { kept.contains($0.name) }
"""


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
        """The reason why the mutant does not match the sources; None if it does."""
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


SWITCH = "MUTANT_ON_TRIAL"
SWITCH_FILE = "IsMutant.swift"
SWITCH_SOURCE = f"""#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

private let mutantOnTrial = getenv("{SWITCH}").flatMap {{ Int(String(cString: $0)) }}

@inline(never)
func isMutant(_ number: Int) -> Bool {{ mutantOnTrial == number }}
"""


def parts(text, separator=","):
    """The parts of a list of conditions: separated by commas outside of brackets."""
    found, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if character == separator and depth == 0:
            found.append(text[start:place].strip())
            start = place + 1
    return [*found, text[start:].strip()]


def switched(mutant):
    """The text that behaves as the original or as the mutant; None if no rule can build it."""
    test = f"isMutant({mutant.number})"
    old, new = mutant.original, mutant.replacement
    if new.replace(" || true", "") == old:
        return new.replace(" || true", f" || {test}")
    olds, news = old.splitlines(keepends=True), new.splitlines(keepends=True)
    before, after = [], []
    while olds and news and olds[0] == news[0]:
        before.append(olds.pop(0))
        news.pop(0)
    while olds and news and olds[-1] == news[-1]:
        after.insert(0, olds.pop())
        news.pop()
    old, new = "".join(olds).strip(), "".join(news).strip()
    middle = switched_part(test, old, new)
    return middle and "".join(before) + middle + "\n" + "".join(after)


def switched_part(test, old, new):
    guard = re.compile(r"guard (?P<conditions>.*?)(?P<rest>,| else \{.*|)", re.DOTALL)
    old_guard, new_guard = guard.fullmatch(old), guard.fullmatch(new)
    if old_guard and new_guard and "\n" not in old + new and old_guard["rest"] == new_guard["rest"]:
        ours, theirs = parts(old_guard["conditions"]), parts(new_guard["conditions"])
        if len(ours) == len(theirs):
            conditions = [one if one == other else f"({test} ? ({other}) : ({one}))"
                          for one, other in zip(ours, theirs)]
        elif not any(one.startswith("let ") for one in ours + theirs):
            conditions = [f"({test} ? ({' && '.join(theirs)}) : ({' && '.join(ours)}))"]
        else:
            return None
        return f"guard {', '.join(conditions)}{old_guard['rest']}"
    value = re.compile(r"(?P<name>[^=]*\blet [^=]*) = (?P<value>[^=].*)")
    old_value, new_value = value.fullmatch(old), value.fullmatch(new)
    if old_value and new_value and old_value["name"] == new_value["name"]:
        return f"{old_value['name']} = {test} ? ({new_value['value']}) : ({old_value['value']})"
    if old.endswith(",") and "\n" not in old + new:
        if new.endswith(","):
            return f"({test} ? ({new[:-1]}) : ({old[:-1]})),"
        return f"({test} || ({old[:-1]}))," if not new else None
    is_whole = all(text.count("{") == text.count("}") and text.count("(") == text.count(")")
                   and not re.match(r"[.=|&]", text) for text in (old, new))
    if not is_whole or re.match(r"(let|var|case|default)\b", old):
        return None
    return f"if {test} {{\n{new}\n}} else {{\n{old}\n}}"


def mirror(source, target, changed):
    """Makes the target equal to the source, but for `changed` files. Equal files keep their times, so that they are
    not built again."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        names = {entry.name for entry in source.iterdir()}
        names |= {path.name for path in changed if path.parent == source}
        for entry in list(target.iterdir()):
            if entry.name not in names:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for name in names:
            mirror(source / name, target / name, changed)
    elif source in changed:
        if not target.exists() or target.read_text() != changed[source]:
            target.write_text(changed[source])
    elif source.exists() and not (target.exists() and filecmp.cmp(source, target, shallow=False)):
        shutil.copy2(source, target)
        target.touch()


class Workshop:
    """A copy of the repository, with all or some of its packages, and with mutants."""

    def __init__(self, swift, group, mutants):
        self.swift, self.group, self.mutants = swift, group, mutants
        self.copy = WORK / group
        self.switches = {mutant: text for mutant in mutants
                         if not mutant.problem(ROOT) and (text := switched(mutant))}
        self.test_seconds = None

    def prepare(self, single=None):
        """Copies the sources, with all switches or with a single mutant in place."""
        changed = {}
        for mutant in [single] if single else self.switches:
            path = ROOT / mutant.path
            text = changed.get(path) or path.read_text()
            if text.count(mutant.original) != 1:
                sys.exit(f"mutant {mutant.number} overlaps another one: mend the list")
            changed[path] = text.replace(
                mutant.original, mutant.replacement if single else self.switches[mutant])
            if not single:
                changed[ROOT.joinpath(*pathlib.Path(mutant.path).parts[:2]) / SWITCH_FILE] = SWITCH_SOURCE
        kept = GROUPS[self.group]
        self.copy.mkdir(parents=True, exist_ok=True)
        for name in ["Sources", "Tests"] + (["Benchmarks", "Examples"] if kept is None else []):
            mirror(ROOT / name, self.copy / name, changed)
        venv = self.copy / ".venv"
        if (ROOT / ".venv").exists() and not venv.exists():
            venv.symlink_to(ROOT / ".venv")
        manifest = (ROOT / "Package.swift").read_text()
        if kept is not None:
            manifest += KEEP % ", ".join(f'"{name}"' for name in kept)
        path = self.copy / "Package.swift"
        if not path.exists() or path.read_text() != manifest:
            path.write_text(manifest)

    def run(self, command, seconds=None, number=None):
        """Returns the exit code and the output; the code is None if the time ran out."""
        variables = {**os.environ, SWITCH: str(number)} if number else None
        process = subprocess.Popen(
            command, cwd=self.copy, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", start_new_session=True, env=variables)
        try:
            output, _ = process.communicate(timeout=seconds)
            return process.returncode, output
        except subprocess.TimeoutExpired:
            # The tests run in a separate process, which would outlive the one that started it.
            os.killpg(process.pid, signal.SIGKILL)
            return None, process.communicate()[0]

    def build(self):
        return self.run([*shlex.split(self.swift), "build", "--build-tests"])

    def build_switches(self):
        """Builds the copy with all mutants; mutants whose switches do not compile are built alone later."""
        while True:
            self.prepare()
            code, output = self.build()
            if code == 0:
                return None
            wrong = {mutant for mutant in self.switches if self.is_blamed(mutant, output)}
            if not wrong:
                return output
            for mutant in wrong:
                print(f"{mutant.number:3} cannot be switched, and is built by itself", flush=True)
                del self.switches[mutant]

    def is_blamed(self, mutant, output):
        text = (self.copy / mutant.path).read_text()
        first = text[:text.find(self.switches[mutant])].count("\n") + 1
        last = first + self.switches[mutant].count("\n")
        return any(first <= int(line) <= last for line in re.findall(
            rf"/{re.escape(mutant.path)}:(\d+):\d+: error:", output))

    def test(self, filters, number=None):
        arguments = [part for one in filters for part in ("--filter", one)]
        return self.run(
            ["swift", "test", "--skip-build", "--disable-xctest", *arguments], self.test_seconds, number)

    def try_tests(self):
        """Runs the tests without a mutant. Returns their output if they fail."""
        start = time.monotonic()
        code, output = self.test(sorted({test for mutant in self.mutants for test in mutant.tests}))
        # A mutant that takes much longer than all tests together hangs.
        self.test_seconds = 60 + 4 * (time.monotonic() - start)
        return None if code == 0 else output

    def judge(self, mutant):
        if problem := mutant.problem(ROOT):
            return "STALE", problem
        if mutant in self.switches:
            code, output = self.test(mutant.tests, mutant.number)
        else:
            self.prepare(single=mutant)
            code, output = self.build()
            if code != 0:
                errors = [line for line in output.splitlines() if "error:" in line]
                return "BROKEN", errors[0][:300] if errors else "it is not built"
            code, output = self.test(mutant.tests)
        if "Test run started" not in output:
            return "BROKEN", "the tests did not start"
        if "Test run with 0 tests" in output:
            return "BROKEN", f"no test is named {' or '.join(mutant.tests)}"
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
        workshop = Workshop(options.swift, name, group)
        start = time.monotonic()
        print(f"{name}: {len(group)} mutants, {len(workshop.switches)} of them in one build", flush=True)
        if output := workshop.build_switches() or workshop.try_tests():
            print(output[-3000:])
            sys.exit("it is not built, or its tests fail, without any mutant: mend that first")
        print(f"{name}: all tests pass without a mutant ({time.monotonic() - start:.0f} s)", flush=True)
        # Those that change the copy come last.
        group.sort(key=lambda mutant: mutant not in workshop.switches)
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
