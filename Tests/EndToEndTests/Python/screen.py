"""A program that draws on the whole terminal: what is on the screen at which moment, and how it leaves the terminal.

Usage: screen.py PROGRAM [ARGUMENT...] -- STEP... The terminal has 80 columns and 24 rows at first. Each step is one of

    show TEXT       waits until TEXT is on the screen
    keys KEYS       types keys; escapes such as \\x1b and \\x03 stand for them
    resize C R      gives the terminal C columns and R rows, as a window does
    send NAME       sends the program a signal, such as TERM
    signal PID NAME sends one to another process
    stopped         waits until the program is stopped, and lets it go on, as `fg` does
    print           prints the screen

At the end prints `modes kept` if the terminal's modes are those from before, `screen left` if the program has left the
alternate screen and shows the cursor, and `code N` or `signal N`. Without a step that ends the program, it is waited
for. Ends with 1, and says what was on the screen, if anything does not come within 30 seconds.
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

import pyte

SECONDS = 30

split = sys.argv.index("--")
program, steps = sys.argv[1:split], sys.argv[split + 1:]


class Screen(pyte.Screen):
    """pyte knows no alternate screen: it is noted here."""

    is_alternate = False
    was_alternate = False

    def set_mode(self, *modes, **options):
        super().set_mode(*modes, **options)
        if options.get("private") and {1049, 1047, 47} & set(modes):
            self.is_alternate = self.was_alternate = True

    def reset_mode(self, *modes, **options):
        super().reset_mode(*modes, **options)
        if options.get("private") and {1049, 1047, 47} & set(modes):
            self.is_alternate = False


def set_size(columns, rows):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


screen = Screen(80, 24)
stream = pyte.ByteStream(screen)
terminal, program_side = pty.openpty()
set_size(80, 24)
modes_before = termios.tcgetattr(program_side)

child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(program_side, termios.TIOCSCTTY, 0)
    for number in (0, 1, 2):
        os.dup2(program_side, number)
    os.close(terminal)
    # A session leader is not stopped by Ctrl-Z: the program is a job of it.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(program[0], program)
    os.setpgid(job, job)
    report = os.fdopen(int(os.environ["REPORT"]), "w", buffering=1) if "REPORT" in os.environ else None
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            os.tcsetpgrp(0, os.getpgrp())
            os.kill(os.getpid(), signal.SIGSTOP)
            os.tcsetpgrp(0, job)
            os.kill(job, signal.SIGCONT)
            continue
        os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
