"""A disk without room for bytes or names, a process without descriptors, a limit to a file's size, a disk that
goes read-only: writes get the right status, reads go on, and writes succeed again afterwards."""

import contextlib
import os
import pathlib
import random
import socket
import subprocess
import threading
import time

import grpc

from torture_oracle import Clients, Code, Entry, Oracle, VALUE, status_text
from torture_server import CRASHES, Finding, Hang, Server, StartFailed, ending
from torture_workload import Workload

PART = "disk"
BALLAST_STEP = 1 << 20


class MountRefused(Exception):
    pass


def command(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise MountRefused(f"{' '.join(words)}: {done.stderr.strip()}")


class Volume:
    """A small file system of its own: ext4 in a file, or tmpfs."""

    def __init__(self, folder, kind, megabytes, inodes=None):
        self.image, self.path, self.kind = folder / "image", folder / "volume", kind
        self.path.mkdir()
        if kind == "ext4":
            with open(self.image, "wb") as image:
                image.truncate(megabytes << 20)
            number = ["-N", str(inodes)] if inodes else []
            command("mkfs.ext4", "-q", "-F", *number, str(self.image))
        self.options = f"size={megabytes}m" + (f",nr_inodes={inodes}" if inodes else "")
        self.mount()

    def mount(self):
        if self.kind == "ext4":
            command("mount", "-o", "loop", str(self.image), str(self.path))
        else:
            command("mount", "-t", "tmpfs", "-o", self.options, "tmpfs", str(self.path))

    def unmount(self):
        for _ in range(50):
            if subprocess.run(["umount", str(self.path)], capture_output=True).returncode == 0:
                return
            time.sleep(0.1)
        subprocess.run(["umount", "-l", str(self.path)], capture_output=True)

    def fill_bytes(self):
        with open(self.path / "ballast", "ab") as ballast:
            for step in (BALLAST_STEP, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        os.write(ballast.fileno(), bytes(step))

    def fill_names(self):
        (self.path / "names").mkdir(exist_ok=True)
        with contextlib.suppress(OSError):
            for number in range(1 << 20):
                (self.path / "names" / str(number)).touch()

    def free(self):
        (self.path / "ballast").unlink(missing_ok=True)
        if (self.path / "names").exists():
            for each in (self.path / "names").iterdir():
                each.unlink()


class Test:
    """One shortage: a server, its acknowledged entries, and the findings."""

    def __init__(self, name, executable, folder, seed, report):
        self.name, self.executable, self.seed, self.report = name, executable, seed, report
        self.folder = pathlib.Path(folder) / name.replace(" ", "-")
        self.folder.mkdir()
        self.oracle, self.problems = Oracle(), []
        self.count = 0

    def problem(self, kind, what):
        self.problems.append((kind, what))

    def start(self, data, **options):
        self.data = data
        self.server = Server(self.executable, self.folder, data=data, **options)
        self.clients = Clients(self.server.port)

    def work(self, turns=30):
        self.count += 1
        Workload(self.clients, self.oracle, self.seed + self.count, b"w%d" % self.count).run(turns)

    def write(self, byte_count=200_000):
        self.count += 1
        key, value = b"x%05d" % self.count, random.randbytes(byte_count)
        client = self.clients()
        return self.oracle.write([Entry(VALUE, key, value)], lambda: client.set(key, value, timeout=10))

    def write_until_refused(self, seconds=20, byte_count=200_000, most=100_000):
        deadline = time.monotonic() + seconds
        for _ in range(most):
            if time.monotonic() > deadline:
                break
            if (error := self.write(byte_count)) is not None:
                return error
        return None

    def demand_refusal(self, error, codes=(Code.RESOURCE_EXHAUSTED,)):
        if error is None:
            self.problem("no write was refused", "the test does not bring about what it should")
        elif isinstance(error, grpc.RpcError) and error.code() not in codes:
            self.problem("a shortage gets a wrong status", status_text(error))

    def demand_reads(self, when, seconds=5):
        recent = sorted(self.oracle.acknowledged)[:60]
        before = len(self.oracle.problems)
        self.oracle.demand_reads(self.clients, recent, time.monotonic() + seconds)
        self.oracle.problems[before:] = [
            (f"{kind} {when}", what) for kind, what in self.oracle.problems[before:]]

    def demand_writes(self, when):
        self.clients.renew()
        error = self.oracle.demand_writes(self.clients, when.encode(), time.monotonic() + 5)
        if error is not None:
            self.problem(f"writes do not come back {when}", status_text(error))

    def end(self, restart=True):
        self.clients.close()
        code = self.server.stop() if self.server.is_alive() else self.server.process.returncode
        if -code in CRASHES:
            self.problem(f"killed by {ending(code)}", self.server.last_words())
        elif code not in (0, 1):
            self.problem("a wrong exit code", ending(code))
        if restart:
            self.check()

    def check(self):
        server = Server(self.executable, self.folder, data=self.data)
        self.oracle.check(server.port)
        if (code := server.stop()) != 0:
            self.problem("a stop fails after a restart without faults", ending(code))

    def guarded(self, body):
        try:
            body(self)
        except StartFailed as failed:
            self.problem("a start fails", f"{failed}")
        except Hang as hang:
            self.problem("a hang", str(hang))
        except MountRefused as refused:
            self.report.skip(f"{PART}: {self.name}", f"a mount is not permitted: {refused}")
        finally:
            if hasattr(self, "server"):
                self.clients.close()
                self.server.kill()
            if hasattr(self, "volume"):
                self.volume.unmount()
        kinds = set()
        for kind, what in self.problems + self.oracle.problems:
            if kind not in kinds:
                kinds.add(kind)
                self.report(Finding(
                    PART, kind, f"{self.name}: {what}", "Scripts/torture.sh --only disk "
                    f"--match {self.name.split()[0]} --seed {self.seed}"))


def full(kind, fill, inodes=None):
    """Others fill the disk; later they make room."""
    def body(test):
        test.volume = Volume(test.folder, kind, 96, inodes)
        test.start(test.volume.path / "data")
        test.work()
        getattr(test.volume, fill)()
        # Only new segments need names. Unless segments are small, 6 MB need none.
        error = test.write_until_refused(byte_count=60_000, most=2000 if fill == "fill_bytes" else 100)
        if fill == "fill_bytes" or error is not None:
            test.demand_refusal(error)
        test.demand_reads("on a full disk")
        test.work(10)
        test.volume.free()
        test.demand_writes("after room was made")
        test.work(10)
        test.end()
    return body


def filled_by_itself(test):
    """The server's own entries fill the disk; it stops, starts on the full disk, and goes on with more room."""
    test.volume = Volume(test.folder, "ext4", 96)
    test.start(test.volume.path / "data")
    test.work()
    test.demand_refusal(test.write_until_refused(40, 900_000))
    test.demand_reads("on a full disk")
    test.volume.fill_bytes()
    test.end(restart=False)
    try:
        test.start(test.data)
        test.demand_reads("after a start on a full disk")
        test.end(restart=False)
    except StartFailed as failed:
        if failed.code != 1:
            test.problem("a start on a full disk", f"{failed}")
    test.volume.free()
    test.check()


def few_descriptors(limit, idle_count):
    def body(test):
        test.start(test.folder / "data", wrapper=["prlimit", f"--nofile={limit}:{limit}"])
        test.work()
        idle = []
        for _ in range(idle_count):
            with contextlib.suppress(OSError):
                idle.append(socket.create_connection(("127.0.0.1", test.server.port), timeout=1))
        time.sleep(0.3)
        test.work(40)
        if not test.server.is_alive():
            test.problem("the server ends without descriptors", test.server.last_words())
        for each in idle:
            each.close()
        test.demand_writes("after descriptors were freed")
        test.demand_reads("after descriptors were freed")
        test.work(20)
        test.end()
    return body


def file_size_limit(test):
    """A write beyond the limit raises SIGXFSZ, which kills by default."""
    # The space of a segment is reserved by 16 MiB, so the second reservation meets the limit.
    test.start(test.folder / "data", wrapper=["prlimit", f"--fsize={24 << 20}"], small_segments=False)
    test.work()
    error = test.write_until_refused(30, 900_000)
    test.demand_refusal(error, (Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE, Code.INTERNAL))
    if test.server.is_alive():
        test.demand_reads("at the file size limit")
    test.end()


def read_only(test):
    """ext4 goes read-only by itself when its journal fails; `abort` does the same, with files open."""
    test.volume = Volume(test.folder, "ext4", 96)
    test.start(test.volume.path / "data")
    test.work()

    def abort():
        time.sleep(0.3)
        command("mount", "-o", "remount,abort", str(test.volume.path))
    thread = threading.Thread(target=abort)
    thread.start()
    error = test.write_until_refused(20, 2000)
    thread.join()
    test.demand_refusal(error, (Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.INTERNAL))
    error = test.write()
    test.demand_refusal(error, (Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED))
    test.demand_reads("on a disk that is read-only")
    test.end(restart=False)
    test.volume.unmount()
    subprocess.run(["e2fsck", "-fy", str(test.volume.image)], capture_output=True)
    test.volume.mount()
    test.check()


TESTS = {
    "bytes on ext4": full("ext4", "fill_bytes"),
    "bytes on tmpfs": full("tmpfs", "fill_bytes"),
    "itself fills ext4": filled_by_itself,
    "inodes on ext4": full("ext4", "fill_names", 80),
    "descriptors 100 with 100 idle": few_descriptors(100, 100),
    "descriptors 256 with 300 idle": few_descriptors(256, 300),
    "filesize of 24 MiB": file_size_limit,
    "readonly under load": read_only,
}


def disk(executable, folder, seed, report, match):
    """Runs every shortage whose name begins with `match`."""
    count = 0
    for name, body in TESTS.items():
        if name.startswith(match):
            Test(name, executable, folder, seed, report).guarded(body)
            count += 1
    return f"{count} shortages"
