"""Copies of a folder in use: each opens with a prefix of the ledger, or says that it may be such a copy."""

import contextlib
import pathlib
import subprocess
import threading
import time

import grpc

from immudb_wire import Client, VerificationFailed
from torture_oracle import Clients, Oracle, read_all, status_text
from torture_server import Finding, Hang, Server, StartFailed, ending
from torture_workload import Workload

PART = "copy"


class Load(threading.Thread):
    """Writes until it is told to stop."""

    def __init__(self, port, seed):
        super().__init__(daemon=True)
        self.clients, self.oracle, self.seed, self.stopped = Clients(port), Oracle(), seed, False

    def run(self):
        number = 0
        while not self.stopped:
            number += 1
            Workload(self.clients, self.oracle, self.seed + number, b"w%d" % number).run(20)
        self.clients.close()


def copy(executable, folder, seed, report, number):
    problems, copies = [], []
    source = pathlib.Path(folder) / "source"
    source.mkdir()
    server = Server(executable, source)
    load = Load(server.port, seed)
    load.start()
    for each in range(number):
        time.sleep(0.1 + 0.2 * (each % 3))
        place = pathlib.Path(folder) / f"copy-{each}"
        place.mkdir()
        # A file may be removed while it is copied; cp then reports it and goes on.
        subprocess.run(["cp", "-a", str(server.data), str(place / "data")], capture_output=True)
        copies.append(place)
    load.stopped = True
    load.join()
    problems += load.oracle.problems
    client = Client(server.port)
    size, _ = client.current_root()
    entries = read_all(client, size)

    opened = refused = 0
    for place in copies:
        try:
            with contextlib.closing(OpenedCopy(executable, place)) as run:
                run.compare(client, entries)
                problems += run.problems
                opened += 1
        except StartFailed as failed:
            refused += 1
            if failed.code != 1:
                problems.append(
                    ("a copy ends a start wrongly", f"{ending(failed.code)}: {failed.text[-300:]}"))
            elif "copy" not in failed.text.replace(str(place), ""):
                problems.append(
                    ("a refused copy is not named as a possible cause", failed.text.strip()[-400:]))
        except Hang as hang:
            problems.append(("a hang", str(hang)))
    client.close()
    if (code := server.stop()) != 0:
        problems.append(("a wrong ending", ending(code)))
    kinds = set()
    for kind, what in problems:
        if kind not in kinds:
            kinds.add(kind)
            count = sum(kind == other for other, _ in problems)
            report(Finding(
                PART, kind, f"{what} ({count} times)", f"Scripts/torture.sh --only copy --seed {seed}"))
    return f"{opened} copies opened, {refused} refused"


class OpenedCopy:
    """A server on a copy."""

    def __init__(self, executable, place):
        self.server = Server(executable, place)
        self.problems = []

    def compare(self, source, entries):
        """Checks that the copy has the first entries of the source, and a root that the source continues."""
        client = Client(self.server.port)
        try:
            size, root = client.current_root()
            found = read_all(client, size)
            different = [index for index, entry in enumerate(found) if not entry.is_same(entries[index])]
            if different:
                self.problems.append(("a copy has other entries", f"entry {different[0]}"))
            if size:
                source.check_root(size, root)
            for index in range(0, size, max(1, size // 20)):
                client.check_entry(index, found[index].key, found[index].value)
            client.set(b"copy", b"goes on")
        except VerificationFailed as error:
            self.problems.append(("a proof of a copy does not hold", str(error)))
        except grpc.RpcError as error:
            self.problems.append(("a copy that opened fails", status_text(error)))
        finally:
            client.close()

    def close(self):
        code = self.server.stop()
        if code != 0:
            self.problems.append(("a copy stops wrongly", ending(code)))
        self.server.kill()
