"""Runs a program as a job of a shell at a terminal: types keys at given moments, and records the output.

Usage: job.py PROGRAM [ARGUMENT...] -- [WAIT KEYS]... Types KEYS once WAIT was seen after the text of the last
step; the word {prompt} in its place waits for any of PROMPTS. Escapes such as \\t, \\r and \\x04 stand for keys; the word
{resize N} in place of keys gives the terminal N columns, {stop PID} and {cont PID} send a signal to another process.
When the job is stopped, the shell says so, says whether the terminal reads whole lines, and continues the job. Ends
with the program's exit code, or with 99 if the program does not continue.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PROMPTS = (b"immuclient> ", b"Password:", b"[y/N] ")

split = sys.argv.index("--")
program, steps = sys.argv[1:split], sys.argv[split + 1:]


def shell():
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(program[0], program)
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        os.tcsetpgrp(0, os.getpgrp())
        is_canonical = bool(termios.tcgetattr(0)[3] & termios.ICANON)
        os.write(1, f"<stopped, lines: {is_canonical}>".encode())
        time.sleep(0.2)
        os.tcsetpgrp(0, job)
        os.kill(job, signal.SIGCONT)


def bytes_of(text):
    return text.encode().decode("unicode_escape").encode("latin-1")


child, terminal = pty.fork()
if child == 0:
    os._exit(shell() % 256)

seen = b""
answered = 0
end = time.monotonic() + 80


def receive():
    """Adds to the output. Returns False once the program has closed the terminal."""
    global seen
    if time.monotonic() > end:
        sys.stdout.buffer.write(seen)
        sys.stdout.flush()
        os._exit(99)
    if not select.select([terminal], [], [], 0.05)[0]:
        return True
    try:
        data = os.read(terminal, 65536)
    except OSError:
        return False
    seen += data
    return bool(data)


is_open = True
for wait, keys in zip(steps[::2], steps[1::2]):
    waits = PROMPTS if wait == "{prompt}" else (bytes_of(wait),)
    while is_open and not any(text in seen[answered:] for text in waits):
        is_open = receive()
    # Text that follows at once, such as the rest of the prompt, belongs to it.
    quiet = time.monotonic() + 0.2
    while is_open and time.monotonic() < quiet and len(seen) - answered < 100_000:
        is_open = receive()
    answered = len(seen)
    if keys.startswith("{"):
        what, number = keys.strip("{}").split()
        if what == "resize":
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(number), 0, 0))
        else:
            os.kill(int(number), signal.SIGSTOP if what == "stop" else signal.SIGCONT)
    else:
        os.write(terminal, bytes_of(keys))
while is_open:
    is_open = receive()
sys.stdout.buffer.write(seen)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
