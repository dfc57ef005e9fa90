"""Kills a writing process repeatedly, and has the next one prove that no acknowledged entry is lost.

Each round starts crash-writer on the same folder, with the largest size and root that was acknowledged before, and
kills it by SIGKILL 5 to 500 ms after it is ready, or now and then while it opens. The process itself checks the
promises. A folder is used for 25 rounds. Prints the seed first: --seed repeats a run, as far as the kernel's timing can
be repeated.
"""

import argparse
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time


def life(executable, folder, seed, size, root, delay, kills_opening):
    """Runs one process. Returns the size and root of the last acknowledged append, and the number of appends."""
    process = subprocess.Popen(
        [executable, str(folder), str(seed), str(size), root], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    acknowledged = 0
    watchdog_end = time.monotonic() + 60
    try:
        if kills_opening:
            time.sleep(delay / 20)
        else:
            ready = process.stdout.readline()
            if not ready.startswith(b"ready ") and process.poll() is None and time.monotonic() < watchdog_end:
                raise SystemExit(f"seed {seed}: the process said {ready!r}")
            time.sleep(delay)
    finally:
        process.send_signal(signal.SIGKILL)
    output, errors = process.communicate(timeout=60)
    if errors or process.returncode != -signal.SIGKILL:
        raise SystemExit(f"seed {seed}, {size} acknowledged before: code {process.returncode}, {errors.decode()}")
    for line in output.decode().splitlines():
        words = line.split()
        # The kill may cut the last line.
        if len(words) == 2 and words[0] != "ready" and len(words[1]) == 64:
            acknowledged += 1
            if int(words[0]) > size:
                size, root = int(words[0]), words[1]
    return size, root, acknowledged


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("executable", help="crash-writer")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    chance = random.Random(arguments.seed)
    total, entries, number = 0, 0, 0
    while number < arguments.rounds:
        with tempfile.TemporaryDirectory(prefix="immudb-kill-") as temporary:
            size, root = 0, "-"
            for _ in range(min(25, arguments.rounds - number)):
                number += 1
                size, root, count = life(
                    arguments.executable, pathlib.Path(temporary) / "db", chance.randrange(1 << 32), size, root,
                    chance.uniform(0.005, 0.5) ** 2 * 2, chance.random() < 0.1)
                total += count
            # The last process only checks.
            life(arguments.executable, pathlib.Path(temporary) / "db", 0, size, root, 0, False)
            entries += size
            if number % 100 == 0:
                print(f"{number} rounds, {entries} entries", flush=True)
    print(f"{arguments.rounds} rounds: {total} acknowledged appends, {entries} entries, none lost, every root kept")


if __name__ == "__main__":
    main()
