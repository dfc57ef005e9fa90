"""Runs a program that draws on the whole terminal: checks the screen at given moments, and the terminal afterwards.

Usage: screen.py PROGRAM [ARGUMENT...] -- STEP... Each step is one argument:

    show TEXT         waits until TEXT is on the screen
    keys KEYS         types keys; escapes such as \\x1b and \\x03 stand for them
    resize COLUMNS ROWS
    send NAME         sends the program a signal, such as TERM
    signal PID NAME   sends one to another process
    stopped           waits until the program is stopped, and says whether the terminal is as it was before
    continue          continues it, as `fg` does
    pause SECONDS     only reads the output
    print             prints the screen

The terminal has 80 columns and 24 rows at first. At the end this waits for the program, and then prints `terminal: ` with
`kept` if its modes are those from before, `left` if the program has left the alternate screen, `cursor` if it is shown, and
`end: N` with the exit code, or 128 and the signal's number. Ends with 1, and prints the screen, if a step is
not complete within 30 seconds.
"""

import fcntl
import os
import select
import signal
import struct
import sys
import termios
import time

import pyte

SECONDS = 30

split = sys.argv.index("--")
program, steps = sys.argv[1:split], sys.argv[split + 1:]


class Screen(pyte.Screen):
    """A screen with an alternate screen, which pyte does not have."""

    is_alternate = was_alternate = False

    def set_mode(self, *modes, **options):
        super().set_mode(*modes, **options)
        if options.get("private") and 1049 in modes:
            self.is_alternate = self.was_alternate = True

    def reset_mode(self, *modes, **options):
        super().reset_mode(*modes, **options)
        if options.get("private") and 1049 in modes:
            self.is_alternate = False


def set_size(columns, rows):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def modes():
    """Returns the modes as `stty -a` shows them."""
    return termios.tcgetattr(slave)


def shell():
    """Runs the program as a job, and reports its stops and its end: Ctrl-Z does not stop a leader of a session."""
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(slave, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        for number in (0, 1, 2):
            os.dup2(slave, number)
        os.execv(program[0], program)
    os.write(told[1], f"pid {job}\n".encode())
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        os.tcsetpgrp(slave, os.getpgrp())
        if not os.WIFSTOPPED(status):
            code = os.waitstatus_to_exitcode(status)
            os.write(told[1], f"end {code if code >= 0 else 128 - code}\n".encode())
            # A hangup would close the terminal for its other side.
            signal.pause()
        os.write(told[1], b"stop\n")
        os.read(asked[0], 1)
        os.tcsetpgrp(slave, job)
        os.kill(job, signal.SIGCONT)


terminal, slave = os.openpty()
told, asked = os.pipe(), os.pipe()
screen = Screen(80, 24)
stream = pyte.ByteStream(screen)
set_size(80, 24)
before = modes()
child = os.fork()
if child == 0:
    shell()

words = b""


def fail(what):
    print(f"{what} did not come; on the screen:", *screen.display, sep="\n", flush=True)
    os.kill(child, signal.SIGKILL)
    try:
        os.kill(job, signal.SIGKILL)
    except (NameError, ProcessLookupError):
        pass
    sys.exit(1)


def wait_for(is_there, what):
    """Reads the program's output until a condition holds."""
    global words
    end = time.monotonic() + SECONDS
    while not is_there():
        if time.monotonic() > end:
            fail(what)
        for file in select.select([terminal, told[0]], [], [], 0.05)[0]:
            data = os.read(file, 65536)
            if file == terminal:
                stream.feed(data)
            else:
                words += data


def wait_for_word(word):
    """Waits for a report of the shell, and returns it."""
    global words
    wait_for(lambda: any(line.startswith(word) for line in words.split(b"\n")[:-1]), word.decode())
    lines = words.split(b"\n")
    found = next(line for line in lines if line.startswith(word))
    lines.remove(found)
    words = b"\n".join(lines)
    return found[len(word):].decode()


def settle():
    """Reads the output until nothing comes for a while."""
    while select.select([terminal], [], [], 0.2)[0]:
        stream.feed(os.read(terminal, 65536))


def state():
    return " ".join(
        word for word, holds in [
            ("kept", modes() == before), ("left", screen.was_alternate and not screen.is_alternate),
            ("cursor", not screen.cursor.hidden)] if holds)


job = int(wait_for_word(b"pid "))
for step in steps:
    verb, _, rest = step.partition(" ")
    if verb == "show":
        wait_for(lambda: rest in "\n".join(screen.display), rest)
    elif verb == "keys":
        os.write(terminal, rest.encode().decode("unicode_escape").encode("latin-1"))
    elif verb == "resize":
        columns, rows = map(int, rest.split())
        screen.resize(rows, columns)
        set_size(columns, rows)
    elif verb == "send":
        os.kill(job, getattr(signal, "SIG" + rest))
    elif verb == "signal":
        pid, name = rest.split()
        os.kill(int(pid), getattr(signal, "SIG" + name))
    elif verb == "stopped":
        wait_for_word(b"stop")
        settle()
        print("stopped:", state())
    elif verb == "continue":
        os.write(asked[1], b".")
    elif verb == "pause":
        end_of_pause = time.monotonic() + float(rest)
        wait_for(lambda: time.monotonic() > end_of_pause, step)
    elif verb == "print":
        settle()
        print(*(line.rstrip() for line in screen.display), sep="\n")
    else:
        sys.exit(f"no such step: {step}")
code = wait_for_word(b"end ")
settle()
print("terminal:", state())
print("end:", code)
os.kill(child, signal.SIGKILL)
