"""Kills a server repeatedly in the middle of its writes, and proves that no acknowledged entry is lost.

Each round: start the server on the same folder; some threads write (plain, verified and in batches) while it
is killed by SIGKILL after 50 to 500 ms; start it again; then every acknowledged entry of the round, and a
sample of all earlier ones, is there by index, byte for byte, with an inclusion proof; a verified get finds
it; no index between them is missing; and the tree continues every root that a writer saw. The last round
checks all entries and roots of all rounds.
"""

import argparse
import concurrent.futures
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

import grpc

from immudb_wire import Client, VerificationFailed


class Server:
    """The executable, serving a folder on a free port."""

    def __init__(self, executable, folder, extra):
        self.log = open(pathlib.Path(folder) / "server.log", "ab+")
        start = self.log.seek(0, 2)
        began = time.monotonic()
        self.process = subprocess.Popen(
            [executable, "--dir", str(pathlib.Path(folder) / "data"), "-p", "0", "--metrics-port", "0", *extra],
            stderr=self.log, stdout=self.log)
        while True:
            self.log.seek(start)
            lines = self.log.read().decode(errors="replace")
            found = re.search(r'starting immudb: .*"Port":(\d+)', lines)
            if found:
                break
            if self.process.poll() is not None or time.monotonic() - began > 60:
                self.process.kill()
                raise SystemExit(f"the server did not start:\n{lines}")
            time.sleep(0.005)
        self.port = int(found.group(1))
        self.startup_seconds = time.monotonic() - began

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=30)
        self.log.close()
        if code != 0:
            raise SystemExit(f"the server ended with {code} at SIGTERM")


class Writer(threading.Thread):
    """Writes until the connection breaks. Keeps the acknowledged entries, and each root that it saw."""

    def __init__(self, port, number, round_number, seed):
        super().__init__(daemon=True)
        self.port, self.number, self.round = port, number, round_number
        self.random = random.Random(seed)
        self.acknowledged, self.roots, self.failure = [], [], None

    def run(self):
        client = Client(self.port)
        turn = 0
        try:
            while True:
                turn += 1
                key = b"r%d-w%d-%d" % (self.round, self.number, turn)
                value = self.random.randbytes(self.random.choice([0, 10, 100, 1000, 20000]))
                kind = self.random.random()
                if kind < 0.45:
                    self.keep(client.set(key, value), key, value)
                elif kind < 0.9:
                    self.keep(client.safe_set(key, value), key, value)
                    self.roots.append(client.trusted)
                else:
                    items = [(key + b"-%d" % each, value) for each in range(self.random.randint(1, 60))]
                    last = client.set_batch(items)
                    for place, item in enumerate(items, last - len(items) + 1):
                        self.keep(place, *item)
        except grpc.RpcError as error:
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                self.failure = error
        except VerificationFailed as error:
            self.failure = error
        finally:
            client.close()

    def keep(self, index, key, value):
        self.acknowledged.append((index, key, value))


def check(port, entries, roots, range_to_walk):
    """Checks that every acknowledged entry is there and proven. Returns the tree's size."""
    clients = [Client(port) for _ in range(4)]
    size, _ = clients[0].current_root()

    def check_entry(number_and_entry):
        number, (index, key, value) = number_and_entry
        client = clients[number % len(clients)]
        item = client.by_index(index)
        if (item.index, item.key, item.value) != (index, key, value):
            raise VerificationFailed(f"entry {index} is not what was acknowledged")
        client.check_entry(index, key, value)
        # Keys are written once. A connection's verified calls need no common order without a trusted root.
        own = Client.__new__(Client)
        own.stub, own.trusted = client.stub, None
        found = own.safe_get(key)
        if (found.index, found.value) != (index, value):
            raise VerificationFailed(f"the newest value of {key!r} is not the acknowledged one")

    def check_root(number_and_root):
        number, (tree_size, root) = number_and_root
        clients[number % len(clients)].check_root(tree_size, root)

    def walk(index):
        item = clients[index % len(clients)].by_index(index)
        clients[index % len(clients)].check_entry(index, item.key, item.value)

    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        for task, work in ((check_entry, enumerate(entries)), (check_root, enumerate(roots)),
                           (walk, range_to_walk(size))):
            for result in pool.map(task, work):
                pass
    for client in clients:
        client.close()
    return size


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("executable", help="immudb")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--folder", help="an empty folder, on a real disk; by default a temporary one")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments, extra = parser.parse_known_args()
    print(f"seed {arguments.seed}, {arguments.writers} writers", flush=True)
    chance = random.Random(arguments.seed)

    with tempfile.TemporaryDirectory(prefix="immudb-crash-") as temporary:
        folder = arguments.folder or temporary
        entries, roots, indexes, size = [], [], set(), 0
        for number in range(1, arguments.rounds + 1):
            server = Server(arguments.executable, folder, extra)
            writers = [Writer(server.port, each, number, chance.random())
                       for each in range(arguments.writers)]
            for writer in writers:
                writer.start()
            while not any(writer.acknowledged for writer in writers):
                if not all(writer.is_alive() for writer in writers):
                    break
                time.sleep(0.001)
            delay = chance.uniform(0.05, 0.5)
            time.sleep(delay)
            server.kill()
            for writer in writers:
                writer.join()
                if writer.failure:
                    raise SystemExit(f"round {number}: a writer failed: {writer.failure}")
            new_entries = [entry for writer in writers for entry in writer.acknowledged]
            new_roots = [root for writer in writers for root in writer.roots]
            for index, _, _ in new_entries:
                if index in indexes:
                    raise SystemExit(f"round {number}: index {index} was given twice")
                indexes.add(index)

            is_last = number == arguments.rounds
            old_entries = entries if is_last else chance.sample(entries, min(100, len(entries)))
            old_roots = roots if is_last else chance.sample(roots, min(100, len(roots)))
            server = Server(arguments.executable, folder, extra)
            before = size
            try:
                size = check(server.port, old_entries + new_entries, old_roots + new_roots,
                             lambda size: range(before, size))
            except (VerificationFailed, grpc.RpcError) as error:
                raise SystemExit(f"round {number}: {error}")
            server.stop()
            entries += new_entries
            roots += new_roots
            print(f"round {number}: killed after {delay * 1000:.0f} ms, {len(new_entries)} acknowledged, "
                  f"{len(new_roots)} roots seen; reopened in {server.startup_seconds:.2f} s, "
                  f"tree of {size}, {len(old_entries) + len(new_entries)} entries proved", flush=True)
    print(f"{arguments.rounds} rounds: {len(entries)} acknowledged entries, none lost, all proved")


if __name__ == "__main__":
    main()
