"""A person at a terminal: types what the arguments say into a program, and shows what he saw.

Usage: terminal.py PROGRAM [ARGUMENT...] -- TEXT [TEXT...]. Waits for "immuclient> ", "Password:" or "[y/N] " before
each text. Escapes such as \\t, \\r and \\x04 stand for keys. Ends with the program's exit code.
"""

import os
import pty
import select
import sys
import time

PROMPTS = (b"immuclient> ", b"Password:", b"[y/N] ")

split = sys.argv.index("--")
program, texts = sys.argv[1:split], sys.argv[split + 1:]
child, terminal = pty.fork()
if child == 0:
    os.execv(program[0], program)

seen = b""
# Up to where the prompts have been answered.
answered = 0
end = time.monotonic() + 30


def receive():
    """Adds to what was seen. False once the program has closed the terminal."""
    global seen
    if time.monotonic() > end:
        sys.stdout.buffer.write(seen)
        sys.exit("the program does not go on")
    if not select.select([terminal], [], [], 0.1)[0]:
        return True
    try:
        data = os.read(terminal, 65536)
    except OSError:
        return False
    seen += data
    return bool(data)


is_open = True
for text in texts:
    while is_open and not any(prompt in seen[answered:] for prompt in PROMPTS):
        is_open = receive()
    # What comes behind the prompt, such as the echo, is not the next one.
    time.sleep(0.1)
    while select.select([terminal], [], [], 0.1)[0] and receive():
        pass
    answered = len(seen)
    for key in text.encode().decode("unicode_escape").encode("latin-1"):
        os.write(terminal, bytes([key]))
while is_open:
    is_open = receive()
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
