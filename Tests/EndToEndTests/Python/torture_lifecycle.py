"""Signals at any time, two servers on one folder, a process that is stopped and continued, a clock that is set
back: a server ends at SIGTERM, and a start continues where the last one ended."""

import glob
import os
import pathlib
import random
import shutil
import signal
import threading
import time

from torture_oracle import Clients, Oracle
from torture_server import CRASHES, Finding, Hang, Server, StartFailed, ending
from torture_workload import Workload

PART = "lifecycle"
LARGE_COUNT = 300_000
BATCH_COUNT = 20_000
FAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"
# Each write is synchronized by itself: the interval of 100 ms passes in between.
INTERVAL_SETS = 6


class Test:
    """A folder with some history, and the model of its content."""

    def __init__(self, name, executable, folder, seed):
        self.executable, self.seed = executable, seed
        self.folder = pathlib.Path(folder) / name.replace(" ", "-")
        self.folder.mkdir()
        self.oracle, self.problems, self.count = Oracle(), [], 0
        self.random = random.Random(seed)

    def problem(self, kind, what):
        self.problems.append((kind, what))

    def start(self, **options):
        return Server(self.executable, self.folder, **options)

    def work(self, server, turns=20):
        self.count += 1
        clients = Clients(server.port)
        Workload(clients, self.oracle, self.seed + self.count, b"w%d" % self.count).run(turns)
        clients.close()

    def ended(self, server, when, allowed=(0,)):
        """Stops the server, if it has not ended."""
        code = server.stop() if server.is_alive() else server.process.returncode
        if -code in CRASHES:
            self.problem(f"killed by {ending(code)} {when}", server.last_words())
        elif code not in allowed:
            self.problem(f"a wrong ending {when}", f"{ending(code)}: {server.last_words()}")

    def check(self):
        server = self.start()
        self.oracle.check(server.port)
        self.ended(server, "after a restart")


def signals_at_start(test, rounds):
    """Sends SIGTERM at a random time of a start, then again; sometimes with an index to rebuild."""
    server = test.start()
    test.work(server, 60)
    test.ended(server, "after work")
    for number in range(rounds):
        if number % 5 == 4:
            shutil.rmtree(test.folder / "data" / "immudb" / "index")
        server = test.start(wait=False)
        # A start of a small database takes about 0.2 s.
        time.sleep(test.random.uniform(0, 0.4))
        is_ready = "starting immudb" in server.text()
        server.signal(signal.SIGTERM)
        time.sleep(test.random.uniform(0, 0.05))
        server.signal(signal.SIGTERM)
        # Before the handler is installed, the signal ends the process as it ends any other.
        test.ended(server, "at SIGTERM during a start",
                   (0,) if is_ready else (0, 1, -signal.SIGTERM))
        if number % 10 == 9:
            test.check()
    test.check()


def signals_under_load(test, rounds):
    """Sends SIGTERM twice while clients write: running calls get an answer, and the answers are true."""
    for _ in range(max(1, rounds // 4)):
        server = test.start()
        thread = threading.Thread(target=test.work, args=(server, 400))
        thread.start()
        time.sleep(test.random.uniform(0, 0.3))
        server.signal(signal.SIGTERM)
        time.sleep(test.random.uniform(0, 0.02))
        server.signal(signal.SIGTERM)
        test.ended(server, "at SIGTERM under load")
        thread.join()
        test.check()


def two_servers(test, rounds):
    """Starts a second server, which fails with a reason while the first goes on. Of two at once, one serves."""
    other = test.folder / "other"
    other.mkdir()
    for number in range(max(2, rounds // 4)):
        first = test.start(wait=number % 2 == 0)
        second = Server(test.executable, other, data=first.data, wait=False)
        deadline = time.monotonic() + 20
        while first.is_alive() and second.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        alive = [server for server in (first, second) if server.is_alive()]
        if len(alive) != 1:
            test.problem("two servers on one folder", f"{len(alive)} of them run")
        for server in {first, second} - set(alive):
            if server.process.returncode != 1:
                test.problem("a second server ends wrongly", ending(server.process.returncode))
            if "in use" not in server.text():
                test.problem("a second server gives no reason", server.text()[-300:])
        for server in alive:
            server.wait_until_ready()
            test.work(server, 10)
            test.ended(server, "after a second one was refused")
    test.check()


def stopped_and_continued(test, rounds):
    """Sends SIGSTOP and SIGCONT under load: deadlines pass, and nothing else happens."""
    server = test.start()
    for _ in range(max(1, rounds // 10)):
        thread = threading.Thread(target=test.work, args=(server, 200))
        thread.start()
        for _ in range(3):
            time.sleep(test.random.uniform(0, 0.2))
            server.signal(signal.SIGSTOP)
            time.sleep(test.random.uniform(0.1, 1.5))
            server.signal(signal.SIGCONT)
        thread.join()
    if test.oracle.statuses:
        test.problem("calls fail after SIGCONT", test.oracle.statuses[0])
    test.ended(server, "after SIGCONT")
    test.check()


class Clock:
    """The wall clock of a server, which tests set."""

    def __init__(self, test):
        self.library = os.environ.get("IMMUDB_TEST_FAKETIME") or next(iter(glob.glob(FAKETIME)), "")
        self.file = test.folder / "clock"
        self.environment = {
            "LD_PRELOAD": self.library, "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def why_not(self):
        return None if pathlib.Path(self.library).is_file() else f"libfaketime is not installed ({FAKETIME})"

    def set(self, offset):
        self.file.write_text(offset)


def clock_set_back(test, rounds):
    """Sets the clock back by a day and forward by a year, while the server runs and between its runs."""
    del rounds
    clock = Clock(test)
    if why_not := clock.why_not():
        return why_not
    for offset in ("+0", "-1d", "+365d", "-2d"):
        clock.set(offset)
        # The library changes the environment of the first process that loads it. Swift looks for a
        # program's arguments beside its environment, and would not find them.
        server = test.start(environment=clock.environment, wrapper=["env"])
        test.work(server)
        for change in ("-1d", "+365d", offset):
            clock.set(change)
            test.work(server, 10)
        # The library also moves Dispatch's timers (timerfd_settime), which use the monotonic clock, and a stop
        # waits for one: after a step of the clock it would wait as long.
        clock.set("+0")
        test.ended(server, "after its clock was set")
    if test.oracle.statuses:
        test.problem("writes are refused after a clock was set", test.oracle.statuses[0])
    test.check()
    return None


def interval_by_clock(test, rounds):
    """Checks that --durability interval synchronizes writes soon, also if the clock goes back meanwhile."""
    del rounds
    clock = Clock(test)
    if why_not := clock.why_not():
        return why_not
    clock.set("+0")
    server = test.start(
        arguments=["--durability", "interval"], environment=clock.environment, wrapper=["env"],
        strace=["-e", "trace=fdatasync"])
    clients = Clients(server.port)
    for number in range(INTERVAL_SETS):
        clients().set(b"k%d" % number, b"v")
        clock.set(f"-{number + 1}d")
        time.sleep(0.5)
    clients.close()
    # A stop would synchronize.
    server.kill()
    count = server.trace.read_text(errors="replace").count("fdatasync(")
    if count < INTERVAL_SETS:
        test.problem("a set clock delays the synchronization", f"{count} of {INTERVAL_SETS} were in time")
    return None


def stopped_while_it_rebuilds(test, rounds):
    """Sends SIGTERM 0.1 s after a start that rebuilds the index of a large database."""
    del rounds
    server = test.start(small_segments=False)
    clients = Clients(server.port)
    for first in range(0, LARGE_COUNT, BATCH_COUNT):
        clients().set_batch([(b"%08d" % number, b"v") for number in range(first, first + BATCH_COUNT)],
                            timeout=60)
    size_and_root = clients().current_root()
    clients.close()
    test.ended(server, "after work")
    for delay in (0.1, 0.3, 0.6):
        shutil.rmtree(test.folder / "data" / "immudb" / "index")
        server = test.start(wait=False, small_segments=False)
        time.sleep(delay)
        was_ready = "starting immudb" in server.text()
        began = time.monotonic()
        test.ended(server, "while it rebuilds", (0,) if was_ready else (0, 1, -signal.SIGTERM))
        seconds = time.monotonic() - began
        print(f"lifecycle: SIGTERM {delay} s after a start that rebuilds {LARGE_COUNT} entries: ended after "
              f"{seconds:.2f} s{', it served already' if was_ready else ''}", flush=True)
        if seconds > 2:
            test.problem("a rebuild is not stopped", f"SIGTERM after {delay} s: {seconds:.1f} s to the end")
    server = Server(test.executable, test.folder, small_segments=False, wait=False)
    server.wait_until_ready(120)
    clients = Clients(server.port)
    clients().check_root(*size_and_root)
    for number in range(0, LARGE_COUNT, LARGE_COUNT // 50):
        item = clients().safe_get(b"%08d" % number)
        if (item.index, item.value) != (number, b"v"):
            test.problem("wrong data", f"a get of {item.key!r} after a rebuild")
    clients.close()
    test.ended(server, "after a rebuild")


TESTS = {
    "signals at start": signals_at_start,
    "signals under load": signals_under_load,
    "two servers": two_servers,
    "stopped and continued": stopped_and_continued,
    "clock set back": clock_set_back,
    "interval": interval_by_clock,
    "rebuild stopped": stopped_while_it_rebuilds,
}


def lifecycle(executable, folder, seed, report, rounds, match):
    count = 0
    for name, body in TESTS.items():
        if not name.startswith(match):
            continue
        test = Test(name, executable, folder, seed)
        try:
            if why := body(test, rounds):
                report.skip(f"{PART}: {name}", why)
        except StartFailed as failed:
            test.problem("a start fails", f"{failed}")
        except Hang as hang:
            test.problem("a hang", str(hang))
        kinds = set()
        for kind, what in test.problems + test.oracle.problems:
            if kind not in kinds:
                kinds.add(kind)
                report(Finding(
                    PART, kind, f"{name}: {what}", "Scripts/torture.sh --only lifecycle "
                    f"--match {name.split()[0]} --seed {seed}"))
        count += 1
    return f"{count} tests of {rounds} rounds"
