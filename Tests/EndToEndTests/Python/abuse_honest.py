"""An honest client of the abuse suite: grpcio, at a steady pace, every answer checked.

    abuse_honest.py

Driven by lines on its standard input: `connect PORT`, `mark` (prints what was measured since the last mark, as one
line of JSON), `stop`. Three threads over one connection do Get, SafeSet and SetBatch of one entry, each every 10 ms; a
fourth opens a connection of its own four times a second and does a Get on it. Get must return the value that was set,
and the proof of SafeSet must continue the root before it.
"""

import itertools
import json
import sys
import threading
import time

import grpc

from abuse_http2 import Refused, call, field
from immudb_wire import Client, VerificationFailed, schema

PACE_SECONDS = 0.010
CONNECT_PACE_SECONDS = 0.25
CALL_SECONDS = 10


class Honest:
    def __init__(self, port):
        self.port, self.is_stopping = port, False
        self.lock, self.samples, self.errors = threading.Lock(), [], []
        self.client = Client(port)
        self.value = b"honest value"
        self.client.safe_set(b"honest", self.value)
        self.numbers = itertools.count()
        self.pending = {}
        self.threads = [
            threading.Thread(target=self.repeat, args=(name, action, pace), daemon=True)
            for name, action, pace in [
                ("Get", self.get, PACE_SECONDS), ("SafeSet", self.safe_set, PACE_SECONDS),
                ("SetBatch", self.set_batch, PACE_SECONDS), ("connect", self.connect, CONNECT_PACE_SECONDS)]]
        for thread in self.threads:
            thread.start()

    def get(self):
        item = self.client.stub.Get(schema.Key(key=b"honest"), timeout=CALL_SECONDS)
        if item.value != self.value:
            raise VerificationFailed(f"Get returned {item.value[:40]!r}")

    def safe_set(self):
        number = next(self.numbers)
        self.client.safe_set(b"honest-safe-%d" % (number % 100), b"%d" % number, timeout=CALL_SECONDS)

    def set_batch(self):
        number = next(self.numbers)
        self.client.set_batch([(b"honest-batch-%d" % (number % 100), b"%d" % number)], timeout=CALL_SECONDS)

    def connect(self):
        answer = call(self.port, "Get", field(1, b"honest"), seconds=CALL_SECONDS)
        if self.value not in answer:
            raise VerificationFailed(f"Get returned {answer[:40]!r}")

    def repeat(self, name, action, pace):
        following = time.monotonic()
        while not self.is_stopping:
            began = self.pending[name] = time.monotonic()
            try:
                action()
                sample = (name, began, time.monotonic() - began)
                with self.lock:
                    self.samples.append(sample)
            except grpc.RpcError as error:
                self.fail(name, began, error.code().name, error.details())
            except Refused as error:
                code = {4: "DEADLINE_EXCEEDED", 8: "RESOURCE_EXHAUSTED", 14: "UNAVAILABLE"}.get(
                    error.status, "NO ANSWER" if error.status is None else f"STATUS {error.status}")
                self.fail(name, began, code, str(error))
            except OSError as error:
                self.fail(name, began, "UNAVAILABLE", str(error))
            except VerificationFailed as error:
                self.fail(name, began, "WRONG ANSWER", str(error))
            del self.pending[name]
            following = max(following + pace, time.monotonic() - 10 * pace)
            time.sleep(max(0, following - time.monotonic()))

    def fail(self, name, began, code, details):
        if self.is_stopping:
            return
        with self.lock:
            self.errors.append((name, began, time.monotonic() - began, code, (details or "")[:160]))
        time.sleep(0.05)

    def mark(self):
        with self.lock:
            report = {"samples": self.samples, "errors": self.errors,
                      "pending": list(self.pending.items())}
            self.samples, self.errors = [], []
        print(json.dumps(report), flush=True)

    def stop(self):
        self.is_stopping = True
        self.client.close()
        for thread in self.threads:
            thread.join(CALL_SECONDS + 1)


def main():
    sys.setswitchinterval(0.0005)
    honest = None
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "connect":
            honest = Honest(int(rest[0]))
            print("connected", flush=True)
        elif word == "mark":
            honest.mark()
        elif word == "stop":
            if honest:
                honest.stop()
            honest = None
            print("stopped", flush=True)


if __name__ == "__main__":
    main()
