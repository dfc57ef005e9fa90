"""Makes a call fail while a segment of the normal size is begun: five values of 30 MiB fill one."""

import pathlib
import random
import subprocess
import threading
import time

from torture_oracle import Clients, Entry, Oracle, VALUE, status_text
from torture_server import CRASHES, Finding, Hang, Server, StartFailed, ending

PART = "roll"
VALUES = 5
LARGE_BYTES = 30 << 20
NEXT = "0000000001.segment"
# The call that fails, its file in the ledger's folder, and whether the ledger may take no writes afterwards.
FAULTS = [
    ("openat", "EMFILE", NEXT, False),
    ("openat", "EMFILE", NEXT + ".unfinished", False),
    ("openat", "EMFILE", "", False),
    ("fallocate", "ENOSPC", NEXT + ".unfinished", False),
    ("rename", "EIO", NEXT + ".unfinished", False),
    ("fsync", "EIO", NEXT + ".unfinished", True),
    ("fsync", "EIO", "", True),
    ("ftruncate", "EIO", "0000000000.segment", False),
]


def roll(executable, folder, seed, report, is_short):
    """Runs each fault with each durability; the first ones in the short form."""
    count = 0
    for call, error, name, may_stop in FAULTS[:1] if is_short else FAULTS:
        for durability in ("always", "interval"):
            place = pathlib.Path(folder) / f"{call}-{count}"
            place.mkdir()
            path = place / "data" / "immudb" / "ledger" / name
            for kind, what in run(executable, place, seed, call, error, path, durability, may_stop):
                report(Finding(
                    PART, kind, f"{call} {error} on ledger/{name}, --durability {durability}: {what}",
                    f"strace -f -P {path} -e trace={call} -e inject={call}:error={error}:when=1"))
            count += 1
    return f"{count} faults at a roll"


def run(executable, place, seed, call, error, path, durability, may_stop):
    oracle = Oracle()
    problems = []
    Server(executable, place, small_segments=False).stop()
    strace = ["-y", "-ttt", "--seccomp-bpf", "-e", f"trace={call}", "-P", str(path),
              "-e", f"inject={call}:error={error}:when=1"]
    server = Server(executable, place, ["--durability", durability], small_segments=False)
    clients = Clients(server.port)
    value = random.Random(seed).randbytes(LARGE_BYTES)
    try:
        # Attached once it serves, so that only the calls of the roll count.
        tracer = attach(server, [*strace, "-o", str(place / "trace")])
        for number in range(VALUES):
            key = b"large-%d" % number
            oracle.write([Entry(VALUE, key, value)], lambda: clients().set(key, value))
        time.sleep(0.3)
        clients.renew()
        if server.is_alive():
            deadline = time.monotonic() + 5
            oracle.demand_reads(clients, [min(oracle.acknowledged)], deadline)
            failed = oracle.demand_writes(clients, b"after", deadline)
            if failed is not None and not may_stop:
                problems.append(("writes do not come back", status_text(failed)))
        clients.close()
        code = server.stop() if server.is_alive() else server.process.returncode
        if -code in CRASHES:
            problems.append((f"killed by {ending(code)}", server.last_words()))
        tracer.wait(timeout=10)
        if "(INJECTED)" not in (place / "trace").read_text():
            # A server that opens a segment once has no second open that could fail.
            print(f"roll: not reached: no {call} on {path}", flush=True)
        server = Server(executable, place, small_segments=False)
        oracle.check(server.port)
        if (code := server.stop()) != 0:
            problems.append(("a stop fails after a restart without faults", ending(code)))
    except StartFailed as failed:
        problems.append(("the next start fails", f"{failed}"))
    except Hang as hang:
        problems.append(("a hang", str(hang)))
    finally:
        clients.close()
        server.kill()
    return problems + oracle.problems


def attach(server, arguments):
    """Attaches strace to the running server. Returns once it watches."""
    tracer = subprocess.Popen(["strace", "-f", "-p", str(server.process.pid), *arguments],
                              stderr=subprocess.PIPE, text=True)
    line = tracer.stderr.readline()
    if "attached" not in line:
        raise SystemExit(f"strace cannot attach: {line}")
    threading.Thread(target=tracer.stderr.read, daemon=True).start()
    return tracer
