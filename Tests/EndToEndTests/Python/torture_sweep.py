"""Makes every system call of a scripted workload fail once, on the real kernel: no acknowledged entry is lost, no
refused one is stored, and the server works again afterwards."""

import collections
import concurrent.futures
import pathlib
import random
import shlex
import shutil
import signal
import threading
import time

import grpc

from google.protobuf import empty_pb2
from torture_faults import CHANGES, Case, Count, ERRORS, ERRORS_ANYWHERE, cases, sample
from torture_oracle import Clients, Oracle, PATIENCE_SECONDS, status_text
from torture_server import CRASHES, Finding, Hang, Server, StartFailed, ending, free_port
from torture_workload import Workload

TURNS = 45
TEMPLATE_TURNS = 60
PART = "sweep"


class Scenario:
    """A folder to begin with: a new one, or that of a server that was killed while it wrote."""

    def __init__(self, name, executable, folder, seed):
        self.name, self.executable, self.seed = name, executable, seed
        self.folder = pathlib.Path(folder) / f"scenario-{name}"
        self.folder.mkdir()
        self.oracle = Oracle()
        self.template = None
        if name == "killed":
            server = Server(executable, self.folder)
            clients = Clients(server.port)
            Workload(clients, self.oracle, seed, b"old").run(TEMPLATE_TURNS)
            clients.close()
            server.stop()
            server = Server(executable, self.folder)
            clients = Clients(server.port)
            Workload(clients, self.oracle, seed + 1, b"mid").run(TEMPLATE_TURNS // 2)
            clients.close()
            server.kill()
            if self.oracle.problems:
                raise SystemExit(f"without any fault: {self.oracle.problems[0]}")
            self.template = self.folder / "data"
        self.count = self.counted()

    def counted(self):
        """Runs the workload once, and counts."""
        folder = self.folder / "count"
        self.begin(folder)
        calls = ",".join(sorted(set(ERRORS) | set(ERRORS_ANYWHERE)))
        server = Server(self.executable, folder, strace=["-y", "--seccomp-bpf", "-e", f"trace={calls}"])
        clients = Clients(server.port)
        Workload(clients, self.oracle.continued(), self.seed + 2, b"new").run(TURNS)
        clients.close()
        code = server.stop()
        if code != 0:
            raise SystemExit(f"without any fault the server ends with {ending(code)}")
        return Count(server.trace, folder / "data")

    def begin(self, folder):
        folder.mkdir()
        if self.template:
            shutil.copytree(self.template, folder / "data")


class Run:
    """Runs one case: starts under the fault, works, demands, stops, starts without it, checks."""

    def __init__(self, scenario, case, executable, folder):
        self.scenario, self.case, self.executable = scenario, case, executable
        self.folder = pathlib.Path(folder)
        self.oracle = scenario.oracle.continued()
        self.problems, self.notes = [], []
        self.outcome = "served"
        self.injected = ""

    def problem(self, kind, what):
        self.problems.append((kind, what))

    def run(self):
        self.scenario.begin(self.folder)
        data = self.folder / "data"
        self.paths = self.scenario.count.paths_in(self.case.group, data)
        try:
            self.faulty(data)
            if any("stored" not in each for each in self.oracle.statuses
                   if each.startswith("INTERNAL")):
                self.notes.append("INTERNAL on a write that does not say what is stored")
            if "anon_inode" in self.injected and "EINTR" not in self.case.fault:
                # A kernel does not fail in this way, but nothing is lost by it.
                self.outcome = "impossible"
                self.problems, self.oracle.problems = [], []
            self.settled(data)
        except Hang as hang:
            self.problem("a hang", str(hang))
        self.problems += self.oracle.problems
        if self.problems:
            self.outcome = "FINDING"
        return self

    def faulty(self, data):
        strace = self.case.strace(self.paths)
        # A fault in writing the log may lose the line with the port.
        port = free_port() if self.case.is_anywhere else None
        paths = f"-P each of {len(self.paths)} in {self.case.group} " if self.paths else ""
        self.command = f"strace -f -o trace {shlex.join(self.case.strace([]))} {paths}immudb --dir …/data"
        server = Server(self.executable, self.folder, strace=strace, port=port, wait=False)
        try:
            try:
                server.wait_until_ready()
            except StartFailed as failed:
                return self.start_failed(server, failed)
            self.work(server)
            self.end(server)
        finally:
            server.kill()
            injections = server.injections()
            if injections:
                self.injected = injections[0][1]
            elif self.outcome == "served":
                self.outcome = "not reached"

    def start_failed(self, server, failed):
        self.outcome = "start refused"
        if failed.code < 0:
            self.crash(server, failed.code, "at start")
        elif failed.code != 1 or server.last_words().startswith("("):
            self.problem("a start fails without a reason", f"{ending(failed.code)}: {server.last_words()}")
        elif "EINTR" in self.case.fault:
            self.problem("an interrupted call ends a start", server.last_words())
        self.last_words = server.last_words()

    def work(self, server):
        clients = Clients(server.port)
        workload = Workload(clients, self.oracle, self.scenario.seed + 2, b"new")
        workload.run(TURNS)
        clients.renew()
        if server.is_alive():
            self.demand(server, clients)
        clients.close()

    def demand(self, server, clients):
        """Checks that the server works after the fault, or while it lasts."""
        case = self.case
        deadline = time.monotonic() + PATIENCE_SECONDS
        if case.is_lie:
            return
        if not case.is_lasting or case.call in CHANGES:
            recent = sorted(self.oracle.acknowledged)[-60:]
            self.oracle.demand_reads(clients, recent[::2], deadline)
        if case.is_lasting:
            if self.oracle.statuses:
                self.outcome = "writes refused"
            return
        error = self.oracle.demand_writes(clients, b"after", deadline)
        if error is None:
            if self.oracle.statuses:
                self.outcome = "passed"
            return
        self.outcome = "writes stopped"
        if not server.is_alive():
            return
        if not case.may_stop_writes:
            self.problem("writes do not come back", status_text(error))
        try:
            if clients().stub.Health(empty_pb2.Empty(), timeout=5).status:
                self.problem("writes stopped, but health is true", status_text(error))
        except grpc.RpcError as error:
            self.problem("health fails", status_text(error))

    def end(self, server):
        if not server.is_alive():
            code = server.process.returncode
            if code == 1 and "starting immudb" not in server.text() and not self.has_new_entries():
                # The port was taken, by this start or by another process, before the start failed.
                return self.start_failed(server, StartFailed(code, server.text()))
            if -code in CRASHES:
                self.crash(server, code, "while it served")
            else:
                self.problem("the server ended by itself", f"{ending(code)}: {server.last_words()}")
            return
        code = server.stop()
        if code < 0:
            self.crash(server, code, "while it stopped")
        elif code > 1:
            self.problem("a wrong exit code", f"{code} at SIGTERM: {server.last_words()}")
        elif code == 1:
            self.notes.append("exit code 1 at SIGTERM")

    def has_new_entries(self):
        return len(self.oracle.acknowledged) > len(self.scenario.oracle.acknowledged)

    def crash(self, server, code, when):
        self.problem(f"killed by {signal.Signals(-code).name}", f"{when}: {server.last_words()}")

    def settled(self, data):
        """The next start, without faults."""
        try:
            server = Server(self.executable, self.folder)
        except StartFailed as failed:
            if not (self.case.is_lie and failed.code == 1):
                self.problem("the next start fails", f"{ending(failed.code)}: {failed.text.strip()[-300:]}")
            return
        try:
            self.oracle.check(server.port, is_damage_allowed=self.case.is_lie)
            if (code := server.stop()) != 0:
                self.problem("a stop fails after a restart without faults", ending(code))
        finally:
            server.kill()

    def findings(self):
        seen = set()
        for kind, what in self.problems:
            if kind not in seen:
                seen.add(kind)
                more = sum(each == kind for each, _ in self.problems) - 1
                yield Finding(
                    PART, kind,
                    f"{self.case.name}: {what}" + (f" (and {more} more)" if more else "")
                    + (f"\n    the call: {self.injected[:200]}" if self.injected else ""),
                    f"Scripts/torture.sh --only sweep --case {self.case.name} --seed {self.scenario.seed}\n"
                    f"    {self.command}")


def sweep(executable, folder, seed, report, number=None, seconds=None, names=(), match=""):
    """Runs all cases, a sample of them, or those that are named. Prints a table at the end."""
    scenarios = {name: Scenario(name, executable, folder, seed) for name in ("killed", "fresh")}
    everything = [case for name, scenario in scenarios.items() for case in cases(name, scenario.count)]
    for name, scenario in scenarios.items():
        print(f"sweep: folder {name}: {sum(scenario.count.calls.values())} calls on files, "
              f"{scenario.count.rolls()} segment rolls", flush=True)
    chance = random.Random(seed)
    chosen = [case for case in everything if match in case.name]
    if names:
        chosen = [Case.named(name) for name in names]
    elif number is not None:
        chosen = sample(chosen, number, chance)
    else:
        chance.shuffle(chosen)
    print(f"sweep: {len(chosen)} of {len(everything)} faults, seed {seed}", flush=True)

    deadline = time.monotonic() + seconds if seconds else None
    table, notes = collections.defaultdict(collections.Counter), collections.Counter()
    numbers, lock, stopping = iter(range(len(chosen))), threading.Lock(), threading.Event()

    def one(case):
        if stopping.is_set() or deadline and time.monotonic() > deadline:
            return
        with lock:
            place = pathlib.Path(folder) / f"run-{next(numbers)}"
        run = Run(scenarios[case.scenario], case, executable, place).run()
        with lock:
            table[case.group, case.call][run.outcome] += 1
            notes.update(run.notes)
            found = list(run.findings())
            for finding in found:
                report(finding)
        if not found or not report.keeps:
            shutil.rmtree(place, ignore_errors=True)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        try:
            for result in pool.map(one, chosen):
                pass
        except BaseException:
            stopping.set()
            raise
    print_table(table)
    for note, count in notes.items():
        print(f"sweep: note: {note}: {count} runs")
    return sum(sum(row.values()) for row in table.values())


def print_table(table):
    outcomes = sorted({outcome for row in table.values() for outcome in row}, key=lambda each: each.lower())
    print(f"{'files':10}{'call':18}" + "".join(f"{outcome:>16}" for outcome in outcomes))
    for (group, call), row in sorted(table.items()):
        print(f"{group:10}{call:18}" + "".join(f"{row[outcome] or '':>16}" for outcome in outcomes))
    print(flush=True)
