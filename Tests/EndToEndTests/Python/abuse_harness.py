"""Runs attacks against a real server: starts it, watches it, measures an honest client meanwhile, and judges.

An attack is a function that runs in a process of its own, so that neither the honest client nor the sampler waits
for it. See `Attack` for its parts and `judge` for the checks after it.
"""

import dataclasses
import json
import multiprocessing
import os
import pathlib
import random
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from abuse_http2 import Refused, call, field, batch
from torture_server import Hang, Server, StartFailed, ending, free_port

OPERATIONS = ("Get", "SafeSet", "SetBatch", "connect")
SAMPLE_SECONDS = 0.05
# The seconds in which RESOURCE_EXHAUSTED may reach the honest client at the start of an attack on memory.
EXHAUSTED_SECONDS = 3
SOURCE = "127.0.0.2" if sys.platform == "linux" else None


@dataclasses.dataclass
class Attack:
    """An attack on a server, and its requirements.

    - `run`: called with a `Context` in a process of its own, until `context.until`.
    - `prepare`: called before, with a port and whether the run is short; loads entries.
    - `after`: called when the attack is over and before the server is stopped; returns findings.
    - `arguments`, `environment`, `wrapper`: start the server.
    - `unread_log`: the server's standard error is a pipe that nobody reads.
    - `is_about_memory`: RESOURCE_EXHAUSTED in the first seconds is reported apart.
    - `short_bound`: MiB that the attack may add in the short form, where it is scaled down.
    - `idle_cpu`: cores that the server may use in the second half of the attack beyond its quiet use.
    - `log_lines`: the most lines that the attack may add to the log.
    """

    name: str
    family: str
    what: str
    run: object
    row: int = 0
    seconds: float = 10
    short_seconds: float = 1
    prepare: object = None
    after: object = None
    arguments: tuple = ()
    environment: tuple = ()
    wrapper: tuple = ()
    unread_log: bool = False
    is_about_memory: bool = False
    short_bound: int = None
    idle_cpu: float = None
    log_lines: int = None


ATTACKS = []


def attack(name, family, **options):
    """Registers the function below as an attack, with its docstring as the description."""
    def register(function):
        what = " ".join((function.__doc__ or "").split())
        ATTACKS.append(Attack(name, family, what, function, **options))
        return function
    return register


class Context:
    """The parameters of an attack: the port, its duration and size, and the pipe for its report."""

    def __init__(self, port, seconds, is_short, seed, pipe, pid):
        self.port, self.seconds, self.is_short, self.pipe, self.pid = port, seconds, is_short, pipe, pid
        self.until = time.monotonic() + seconds
        self.random = random.Random(seed)
        self.source = SOURCE

    def choose(self, long, short):
        return short if self.is_short else long

    def note(self, text):
        """Adds a figure to the report."""
        self.pipe.send(("note", text))

    def finding(self, text):
        self.pipe.send(("finding", text))

    def remaining(self):
        return self.until - time.monotonic()


def attacker(attack, arguments, niceness):
    os.nice(niceness)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    context = Context(*arguments)
    try:
        attack.run(context)
    except Exception:
        context.pipe.send(("error", traceback.format_exc(limit=-3)))
    context.pipe.send(("end", ""))
    # Closes all sockets at once, as a killed client does.
    os._exit(0)


def data_files(pid):
    """Counts the files of the ledger and the index that a server has open: they grow with its entries."""
    links = [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
    return sum(link_target(link).endswith((".segment", ".sst")) for link in links)


def link_target(link):
    try:
        return os.readlink(link)
    except OSError:
        return ""  # closed meanwhile


class Sampler(threading.Thread):
    """Reads /proc of the server every 50 ms: (time, resident bytes, descriptors, CPU seconds)."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.samples, self.is_stopping = pid, [], False
        self.ticks = os.sysconf("SC_CLK_TCK")
        self.page = os.sysconf("SC_PAGE_SIZE")
        self.sample()
        self.start()

    def sample(self):
        folder = f"/proc/{self.pid}"
        try:
            with open(f"{folder}/statm") as file:
                resident = int(file.read().split()[1]) * self.page
            with open(f"{folder}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            cpu = (int(fields[11]) + int(fields[12])) / self.ticks
            descriptors = len(os.listdir(f"{folder}/fd"))
        except (OSError, IndexError, ValueError):
            return
        self.samples.append((time.monotonic(), resident, descriptors, cpu))

    def run(self):
        while not self.is_stopping:
            time.sleep(SAMPLE_SECONDS)
            self.sample()

    def last(self):
        self.sample()
        return self.samples[-1]

    def between(self, start, end):
        return [sample for sample in self.samples if start <= sample[0] <= end] or self.samples[-1:]

    def reset_peak(self):
        """Makes the kernel count VmHWM from now on."""
        try:
            pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        except OSError:
            pass

    def peak(self):
        """Returns VmHWM, which includes peaks between samples."""
        try:
            with open(f"/proc/{self.pid}/status") as file:
                for line in file:
                    if line.startswith("VmHWM"):
                        return int(line.split()[1]) << 10
        except OSError:
            pass
        return max(sample[1] for sample in self.samples)


class HonestClient:
    """The process `abuse_honest.py`."""

    def __init__(self):
        self.start()

    def start(self):
        script = pathlib.Path(__file__).with_name("abuse_honest.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL, bufsize=1)

    def ask(self, line, seconds=30):
        if line.startswith("connect") and self.process.poll() is not None:
            self.start()
        try:
            self.process.stdin.write(line + "\n")
        except OSError:
            raise Hang(f"the honest client had ended before {line!r}") from None
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        if not ready:
            raise Hang(f"the honest client did not answer {line!r} within {seconds} s")
        answer = self.process.stdout.readline()
        if not answer:
            raise Hang(f"the honest client ended at {line!r}")
        return answer

    def mark(self):
        return json.loads(self.ask("mark"))

    def finish(self):
        self.process.kill()
        self.process.wait()


class LoggedServer(Server):
    """A server whose log can be a pipe that nobody reads once it serves."""

    def __init__(self, executable, folder, attack):
        self.pipe = None
        environment = dict(attack.environment)
        if not attack.unread_log:
            super().__init__(
                executable, folder, arguments=attack.arguments, environment=environment.items(),
                wrapper=attack.wrapper, small_segments=False)
            return
        # A FIFO stands in for the log file: both ends are opened here, only the start is read.
        self.log_text = ""
        reading, writing = os.pipe()
        self.pipe = reading
        port = free_port()
        variables = {name: value for name, value in os.environ.items() if not name.startswith("IMMUDB_")}
        variables.update(environment, SWIFT_BACKTRACE="enable=no")
        self.folder, self.log, self.log_start = pathlib.Path(folder), pathlib.Path(folder) / "none", 0
        self.is_traced, self.port, self.data = False, port, self.folder / "data"
        self.process = subprocess.Popen(
            [*attack.wrapper, str(executable), "--dir", str(self.data), "-p", str(port), "--metrics-port", "0", *attack.arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writing, env=variables)
        os.close(writing)
        self.started = time.monotonic()
        while not self.accepts():
            if self.process.poll() is not None or time.monotonic() - self.started > 20:
                raise StartFailed(self.process.returncode, "silent")
            time.sleep(0.02)

    def text(self):
        if self.pipe is not None or not self.log.exists():
            return ""
        return super().text()

    def release(self):
        if self.pipe is not None:
            os.close(self.pipe)
            self.pipe = None


@dataclasses.dataclass
class Result:
    attack: Attack
    findings: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    quiet: dict = dataclasses.field(default_factory=dict)
    loud: dict = dataclasses.field(default_factory=dict)
    growth: int = 0
    kept: int = 0
    cpu: float = 0
    exhausted: int = 0
    seconds: float = 0
    is_only_latency: bool = False


def figures(samples):
    """{operation: (p50, p99, max, count)} in seconds."""
    out = {}
    for name in OPERATIONS:
        times = sorted(sample[2] for sample in samples if sample[0] == name)
        if times:
            count = len(times)
            out[name] = (times[count // 2], times[min(count - 1, int(count * 0.99))], times[-1], count)
    return out


class Bench:
    """A server with its honest client and sampler, for one attack or, in the short form, several."""

    def __init__(self, options, honest, attack):
        self.options, self.honest, self.attack, self.result = options, honest, attack, None
        self.folder = tempfile.mkdtemp(prefix="immudb-abuse-", dir=options.folder)
        try:
            self.server, self.bystander = LoggedServer(options.executable, self.folder, attack), None
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        try:
            if attack.prepare:
                attack.prepare(self.server.port, options.is_short)
            call(self.server.port, "SetBatch", batch([(b"fresh", b"fresh value")]))
            if options.bystander:
                folder = pathlib.Path(self.folder) / "bystander"
                folder.mkdir()
                self.bystander = Server(options.executable, folder, small_segments=False)
            self.honest.ask(f"connect {(self.bystander or self.server).port}")
            self.sampler = Sampler(self.server.process.pid)
            # The first calls pay for connections and caches.
            time.sleep(0.2)
            self.honest.mark()
            begin = self.sampler.last()
            time.sleep(options.quiet_seconds)
            report = self.honest.mark()
            end = self.sampler.last()
            self.quiet_cpu = (end[3] - begin[3]) / (end[0] - begin[0])
            self.quiet = figures(report["samples"])
            self.quiet_errors = report["errors"]
        except BaseException:
            self.close()
            raise

    def run(self, attack, seed):
        options, sampler, server = self.options, self.sampler, self.server
        result = Result(attack, quiet=self.quiet)
        if self.quiet_errors:
            result.findings.append(f"honest errors while it was quiet: {self.quiet_errors[:2]}")
        before = sampler.last()
        self.data_files = data_files(server.process.pid)
        sampler.reset_peak()
        log_before = len(server.text().splitlines())
        self.honest.mark()
        seconds = options.seconds or (attack.short_seconds if options.is_short else attack.seconds)
        receiver, sender = multiprocessing.Pipe(duplex=False)
        start = time.monotonic()
        arguments = (server.port, seconds, options.is_short, seed, sender, server.process.pid)
        process = multiprocessing.get_context("fork").Process(
            target=attacker, args=(attack, arguments, options.nice), daemon=True)
        process.start()
        sender.close()
        limit = start + seconds + max(15, seconds)
        has_ended = False
        while time.monotonic() < limit and not has_ended and server.is_alive():
            try:
                while receiver.poll(0.05):
                    kind, text = receiver.recv()
                    if kind == "note":
                        result.notes.append(text)
                    elif kind == "finding":
                        result.findings.append(text)
                    elif kind == "error":
                        result.findings.append("the attack itself failed: " + text)
                    elif kind == "end":
                        has_ended = True
            except EOFError:
                break
        process.kill()
        process.join()
        receiver.close()
        end = time.monotonic()
        result.seconds = end - start
        if not server.is_alive():
            result.findings.append(f"the server died: {ending(server.process.returncode)}"
                                   f" after {end - start:.1f} s; {server.last_words()}")
        elif not has_ended and time.monotonic() >= limit:
            result.notes.append("the attack was stopped late")
        during = sampler.between(start, end)
        result.cpu = (during[-1][3] - during[0][3]) / max(0.1, during[-1][0] - during[0][0])
        if attack.idle_cpu is not None:
            half = sampler.between((start + end) / 2, end)
            used = (half[-1][3] - half[0][3]) / max(0.1, half[-1][0] - half[0][0])
            if used > self.quiet_cpu + attack.idle_cpu:
                result.findings.append(
                    f"used {used:.2f} cores in the second half, {self.quiet_cpu:.2f} when it was quiet")
        if server.is_alive():
            self.recover(attack, result, before)
        # Includes the work for clients that have disconnected.
        peak = sampler.peak() if server.is_alive() else max(
            sample[1] for sample in sampler.between(start, time.monotonic()))
        result.growth = peak - before[1]
        bound = options.memory_bound
        if options.is_short and attack.short_bound:
            bound = min(bound, attack.short_bound << 20)
        if result.growth > bound:
            result.findings.append(f"memory grew by {result.growth >> 20} MiB")
        self.judge_honest(result, start, end)
        if attack.log_lines is not None:
            lines = len(server.text().splitlines()) - log_before
            if lines > attack.log_lines:
                result.findings.append(f"{lines} lines were logged")
        return result

    def recover(self, attack, result, before):
        """Checks, after an attack, a fresh call at once, and then memory and descriptors."""
        port, began = self.server.port, time.monotonic()
        for method, body, part in [("Get", field(1, b"fresh"), b"fresh value"),
                                   ("SetBatch", batch([(b"after", b"x")]), b"")]:
            try:
                if part not in call(port, method, body, seconds=10):
                    result.findings.append(f"a fresh {method} afterwards got a wrong answer")
            except (Refused, OSError) as error:
                result.findings.append(f"a fresh {method} afterwards: {error}")
        took = time.monotonic() - began
        if took > self.options.fresh_seconds:
            result.findings.append(f"fresh calls afterwards took {took:.1f} s")
        if attack.after and self.server.is_alive():
            try:
                result.findings += attack.after(port, self.options.is_short) or []
            except (Refused, OSError) as error:
                result.findings.append(f"afterwards: {error}")
        limit = time.monotonic() + self.options.recovery_seconds
        while self.server.is_alive():
            last = self.sampler.last()
            result.kept, descriptors = last[1] - before[1], last[2] - before[2]
            if descriptors > 24:
                descriptors -= data_files(self.server.process.pid) - self.data_files
            if result.kept <= self.options.kept_bound and descriptors <= 24:
                return
            if time.monotonic() > limit:
                if result.kept > self.options.kept_bound:
                    result.findings.append(f"kept {result.kept >> 20} MiB")
                if descriptors > 24:
                    result.findings.append(f"kept {descriptors} descriptors")
                return
            time.sleep(0.1)
        result.findings.append(f"the server died afterwards: {ending(self.server.process.returncode)}")

    def judge_honest(self, result, start, end):
        """Checks the honest client's errors, and compares its p99 with the quiet one."""
        samples, errors = [], []
        limit = time.monotonic() + 12
        while True:
            report = self.honest.mark()
            samples += report["samples"]
            errors += report["errors"]
            if all(began > end for _, began in report["pending"]) or time.monotonic() > limit:
                break
            time.sleep(0.1)
        result.loud = figures([sample for sample in samples if start <= sample[1] <= end])
        counted = []
        for error in errors:
            is_early = error[3] == "RESOURCE_EXHAUSTED" and error[1] - start < EXHAUSTED_SECONDS
            if is_early and result.attack.is_about_memory:
                result.exhausted += 1
            elif self.server.is_alive() or error[3] == "WRONG ANSWER":
                counted.append(error)
        had_findings = bool(result.findings)
        if counted:
            name, began, _, code, details = counted[0]
            result.findings.append(
                f"{len(counted)} honest errors, the first after {began - start:.1f} s: {name} {code} {details}")
        slow = []
        for name, (_, quiet, _, _) in self.quiet.items():
            if name == "connect" or name not in result.loud:
                continue
            bound = self.options.factor * quiet + self.options.slack
            _, loud, most, _ = result.loud[name]
            if loud > bound:
                slow.append(f"{name} p99 {loud * 1e3:.0f} ms, bound {bound * 1e3:.0f} ms, max {most * 1e3:.0f} ms")
        for name in OPERATIONS[:3]:
            if name not in result.loud and self.server.is_alive() and not counted and end - start > 1:
                slow.append(f"no {name} began and ended during the attack")
        result.findings += slow
        result.is_only_latency = bool(slow) and not had_findings and not counted

    def close(self):
        """Ends the server. Returns the errors at its end."""
        try:
            self.honest.ask("stop", 60)
            if not self.server.is_alive():
                return None
            code = self.server.stop(self.options.stop_seconds)
            return None if code == 0 else f"SIGTERM: {ending(code)}"
        except Hang as error:
            return str(error)
        finally:
            for server in (self.server, self.bystander):
                if server and server.is_alive():
                    server.kill()
            self.server.release()
            shutil.rmtree(self.folder, ignore_errors=True)


def raise_descriptor_limit():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
