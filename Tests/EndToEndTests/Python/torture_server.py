"""A server under test: started, perhaps under strace or with limits, watched, and stopped in time."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import time

START_SECONDS = 20
STOP_SECONDS = 20
SEGMENT_BYTES = "65536"
CRASHES = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGTRAP, signal.SIGFPE,
           signal.SIGXFSZ, signal.SIGPIPE)


class StartFailed(Exception):
    """The server ended before it served. `code` is its exit code, `text` its log of this start."""

    def __init__(self, code, text):
        super().__init__(f"exit code {code}: {text.strip().splitlines()[-1] if text.strip() else 'silent'}")
        self.code, self.text = code, text


class Hang(Exception):
    """The server neither served nor ended in time."""


def ending(code):
    """Describes how a process ended."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """The executable, serving the folder `data` in `folder` on a free port.

    `wrapper` is a command that runs the server as itself, such as prlimit; `strace` the arguments of a
    strace that watches it. The tracer is detached (-D), so `process` is always the server. With `port`,
    readiness is a connection that is accepted; without, a line of the log.
    """

    def __init__(self, executable, folder, arguments=(), strace=(), wrapper=(), environment=(),
                 port=None, small_segments=True, data=None, wait=True):
        self.folder = pathlib.Path(folder)
        self.data = pathlib.Path(data) if data else self.folder / "data"
        self.trace = self.folder / "trace"
        self.log = self.folder / "server.log"
        self.log_start = self.log.stat().st_size if self.log.exists() else 0
        self.port = port
        command = [*wrapper, str(executable), "--dir", str(self.data), "-p", str(port or 0), "--metrics-port", "0", *arguments]
        if strace:
            self.trace.unlink(missing_ok=True)
            command = ["strace", "-D", "-f", "-o", str(self.trace), *strace, *command]
        self.command, self.is_traced = command, bool(strace)
        # The server takes IMMUDB_… for its settings, and warns of those that it does not know.
        variables = {name: value for name, value in os.environ.items() if not name.startswith("IMMUDB_")}
        # The backtracer of Swift is a process of its own, in which calls fail as well.
        variables["SWIFT_BACKTRACE"] = "enable=no"
        variables.update(environment)
        if small_segments:
            variables["IMMUDB_TEST_SEGMENT_BYTES"] = SEGMENT_BYTES
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=variables)
        self.started = time.monotonic()
        self.ready_time = None
        if wait:
            self.wait_until_ready()

    def text(self):
        """The log of this start."""
        with open(self.log, "rb") as log:
            log.seek(self.log_start)
            return log.read().decode(errors="replace")

    def wait_until_ready(self, seconds=START_SECONDS):
        while True:
            found = re.search(r'starting immudb: .*"Port":(\d+)', self.text())
            if found:
                self.port = int(found.group(1))
                break
            if self.process.poll() is not None:
                self.wait_for_tracer()
                raise StartFailed(self.process.returncode, self.text())
            if self.port and self.accepts():
                break
            if time.monotonic() - self.started > seconds:
                self.kill()
                raise Hang(f"neither served nor ended within {seconds} s of its start")
            time.sleep(0.005)
        self.ready_time = time.time()
        self.startup_seconds = time.monotonic() - self.started

    def accepts(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.2) as connection:
                # Without a listener, a connection may connect to itself, with both ends on that port.
                return connection.getsockname() != connection.getpeername()
        except OSError:
            return False

    def is_alive(self):
        return self.process.poll() is None

    def signal(self, number):
        if self.is_alive():
            self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.wait_for_tracer()

    def stop(self, seconds=STOP_SECONDS):
        """Sends SIGTERM and returns the exit code. A negative one is the signal that killed the server."""
        self.signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Hang(f"did not end within {seconds} s of SIGTERM")
        self.wait_for_tracer()
        return code

    def wait_for_tracer(self):
        """Waits for the tracer, which writes its last lines after the server has ended."""
        if not self.is_traced:
            return
        end = re.compile(rb"^%d .*\+\+\+ (exited|killed)" % self.process.pid, re.MULTILINE)
        for _ in range(400):
            if self.trace.exists() and end.search(self.trace.read_bytes()):
                return
            time.sleep(0.005)

    def last_words(self):
        """Returns the log's lines about a failure."""
        lines = [line for line in self.text().splitlines() if line.strip() and "INFO" not in line
                 and "WARNING: environment variable" not in line]
        telling = [line for line in lines if re.search(r"error|fail|cannot", line, re.I)]
        deadly = [line for line in lines if re.search(r"assertion|fatal|terminate called", line, re.I)]
        return (deadly or telling or lines or ["(nothing on stderr)"])[0][:300]

    def injections(self):
        """Returns the calls that were made to fail: (time, line)."""
        if not self.trace.exists():
            return []
        found = []
        for line in self.trace.read_text(errors="replace").splitlines():
            if "(INJECTED)" in line:
                fields = line.split(None, 2)
                found.append((float(fields[1]), fields[2]))
        return found


class Finding:
    """A promise that was not kept: `kind` groups equal ones, `repeat` is the command that repeats it."""

    def __init__(self, part, kind, what, repeat=""):
        self.part, self.kind, self.what, self.repeat = part, kind, what, repeat

    def __str__(self):
        repeat = f"\n    repeat: {self.repeat}" if self.repeat else ""
        return f"FINDING {self.part}: {self.kind}: {self.what}{repeat}"
