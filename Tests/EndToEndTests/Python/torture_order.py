"""No answer leaves before the entry is on the disk, and no frame goes into a segment whose name may be lost.

strace watches a server under sets, one after another, and the order of its calls is checked: the bytes
in a segment are synchronized before the next answer is written to a socket; a segment that was begun
is synchronized, then renamed, then its folder synchronized, and only then gets its first frame.

And no timed action depends on the clock that an operator, or NTP, sets.
"""

import pathlib
import re
import time

from immudb_wire import Client
from torture_server import Finding, Server, ending

PART = "order"
SETS = 100
# With pauses, so that the interval of 100 ms passes.
WAITED_SETS = 5
# Fills a segment of 128 MiB.
LARGE_BYTES = 1_500_000
SEGMENT_HEAD_BYTES = 128
CALLS = "fdatasync,fsync,sync_file_range,pwrite64,pwritev,write,writev,sendto,sendmsg,rename,renameat,renameat2"
HEADERS, DATA = 1, 0
LINE = re.compile(r"^(\d+) +([\d.]+) (?:<\.\.\. )?([a-z0-9_]+)(?:\(| resumed>)(.*)$")


class Call:
    """One system call, at its beginning or at its end."""

    def __init__(self, line, name, text, is_begin, is_end):
        self.line, self.name, self.text, self.is_begin, self.is_end = line, name, text, is_begin, is_end
        self.path = (re.match(r"\d+<([^>]*)>", text) or [None, ""])[1]

    @property
    def succeeded(self):
        return re.search(r"= 0\b", self.text.rsplit(")", 1)[-1]) is not None


def calls(trace):
    """Beginnings and ends in the order in which the kernel and the server saw them."""
    begun = {}
    for line in trace.read_text(errors="replace").splitlines():
        match = LINE.match(line)
        if not match:
            continue
        thread, _, name, text = match.groups()
        if "<unfinished ...>" in text:
            begun[thread] = text
            yield Call(line, name, text, True, False)
        elif " resumed>" in line.split("(", 1)[0]:
            yield Call(line, name, begun.pop(thread, "").split(" <unfinished", 1)[0] + text, False, True)
        else:
            yield Call(line, name, text, True, True)


def frame_types(text):
    """Returns the HTTP/2 frames that begin in the bytes of a write."""
    written = bytes.fromhex("".join(re.findall(r"\\x([0-9a-f]{2})", text)))
    found = []
    while len(written) >= 9:
        found.append((written[3], int.from_bytes(written[5:9], "big")))
        written = written[9 + int.from_bytes(written[:3], "big"):]
    return found


class Order:
    """The state of the ledger's files that follows from the calls."""

    def __init__(self):
        self.dirty, self.syncing = {}, {}
        self.synced_files, self.renamed, self.durable_names = set(), {}, set()
        self.problems, self.answers, self.rolls, self.frames, self.idle_answers = [], 0, 0, 0, 0
        self.frames_since_answer = 0

    def problem(self, kind, call):
        self.problems.append((kind, call.line[:300]))

    def see(self, call):
        if call.name in ("pwrite64", "pwritev", "write", "writev") and "/ledger/" in call.path:
            if call.is_begin:
                self.write(call)
        elif call.name in ("fdatasync", "fsync"):
            self.sync(call)
        elif call.name.startswith("rename") and "/ledger/" in call.text:
            self.rename(call)
        elif call.is_begin and ("TCP" in call.path or "socket:" in call.path):
            self.answer(call)

    def write(self, call):
        path = call.path
        self.dirty[path] = call.line
        self.syncing.pop(path, None)
        self.synced_files.discard(path)
        if path.endswith(".segment"):
            self.frames += 1
            self.frames_since_answer += 1
            if path in self.renamed and path not in self.durable_names:
                self.problem("a frame goes into a segment whose name may be lost", call)

    def sync(self, call):
        path = call.path
        if call.is_begin:
            self.syncing[path] = True
        if call.is_end and call.succeeded and self.syncing.pop(path, None):
            self.dirty.pop(path, None)
            self.synced_files.add(path)
            if path.endswith("/ledger"):
                self.durable_names |= {name for name in self.renamed if self.renamed[name]}

    def rename(self, call):
        old, new = re.findall(r'"([^"]*)"', call.text)[:2]
        if call.is_begin:
            self.rolls += 1
            self.renamed[new] = False
            if old not in self.synced_files:
                self.problem("a segment gets its name before it is synchronized", call)
            if self.dirty:
                self.problem("a segment begins before the one in front is synchronized", call)
        if call.is_end and call.succeeded:
            self.renamed[new] = True
            # A sync of the folder that began before the rename proves nothing.
            self.syncing.pop(str(pathlib.PurePosixPath(new).parent), None)

    def answer(self, call):
        if not any(kind == HEADERS and stream for kind, stream in frame_types(call.text)):
            return
        if self.dirty:
            self.problem("an answer leaves before its entry is synchronized", call)
        if self.frames_since_answer:
            self.answers += 1
        else:
            self.idle_answers += 1
        self.frames_since_answer = 0


def waits(executable, folder):
    """Checks that the waits of a server that synchronizes by interval use the monotonic clock.

    Two kinds of threads use the clock that can be set, and no other thread waits for them: idle ones of Dispatch, which
    then end, and RocksDB's timer of statistics, which are off.
    """
    server = Server(executable, folder, arguments=["--durability", "interval"],
                    strace=["-e", "trace=futex,timerfd_create"])
    client = Client(server.port)
    for number in range(WAITED_SETS):
        client.set(b"k%d" % number, b"v")
        time.sleep(0.15)
    client.close()
    code = server.stop()
    lines = server.trace.read_text(errors="replace").splitlines()
    count = sum(1 for line in lines
                if "FUTEX_WAIT" in line and "tv_sec" in line and "FUTEX_CLOCK_REALTIME" not in line)
    found = [("a timer goes by a clock that can be set", line) for line in lines
             if "timerfd_create(" in line and "CLOCK_REALTIME" in line]
    if count < WAITED_SETS // 2:
        found.append(("a wait goes by a clock that can be set",
                      f"{count} waits by the monotonic clock for {WAITED_SETS} intervals"))
    if code != 0:
        found.append(("a stop fails", ending(code)))
    return count, found


def order(executable, folder, seed, report):
    del seed
    found = []
    server = Server(executable, folder, strace=[
        "-yy", "-ttt", "-x", "-s", "1024", "--seccomp-bpf", "-e", f"trace={CALLS}"])
    client = Client(server.port)

    def segments():
        return len(list((server.data / "immudb" / "ledger").glob("*.segment")))
    for number in range(SETS):
        if number % 2:
            client.safe_set(b"k%d" % number, b"v" * 3000)
        else:
            client.set(b"k%d" % number, b"v" * 3000)
    sets = SETS
    while segments() < 2 and sets < 2 * SETS:
        client.set(b"large%d" % sets, b"v" * LARGE_BYTES)
        sets += 1
    client.close()
    if (code := server.stop()) != 0:
        found.append(("a stop fails", ending(code)))
    state = Order()
    for call in calls(server.trace):
        state.see(call)
    if state.answers < sets:
        found.append(("the trace is not understood", f"{state.answers} answers to {sets} sets seen"))
    if state.rolls < 2:
        found.append(("the trace is not understood", "no segment roll seen"))
    (place := pathlib.Path(folder) / "waits").mkdir()
    wait_count, late = waits(executable, place)
    kinds = set()
    for kind, what in found + state.problems + late:
        if kind not in kinds:
            kinds.add(kind)
            report(Finding(PART, kind, what, "Scripts/torture.sh --only order"))
    return (f"{state.answers} answers after their fdatasync, {state.rolls} segments begun in order, "
            f"{state.idle_answers} answers without a write, {wait_count} waits by the monotonic clock")
