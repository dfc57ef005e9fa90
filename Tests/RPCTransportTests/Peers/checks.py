"""Runs named checks and reports each on a line of its own: `ok <name>` or `FAILED <name>: <why>`."""
import sys
import time
import traceback

CHECKS = []


def check(name):
    def add(body):
        CHECKS.append((name, body))
        return body

    return add


def run():
    for name, body in CHECKS:
        began = time.time()
        try:
            body()
            print("ok %s" % name, flush=True)
        except BaseException:  # any exception is this check's failure, as in pytest
            why = traceback.format_exc().replace("\n", " | ")
            print("FAILED %s: %s" % (name, why), flush=True)
        print("# %.2f s %s" % (time.time() - began, name), file=sys.stderr, flush=True)
    print("done", flush=True)
