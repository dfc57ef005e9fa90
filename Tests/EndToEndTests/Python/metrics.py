"""Checks the answers to a scraper and to probes.

    metrics.py METRICS-PORT PORT

Ends with 0 if everything held; otherwise with the exception of the first check that failed.
"""

import re
import socket
import sys
import time
import urllib.error
import urllib.request

from immudb_wire import Client, schema

BASE = f"http://127.0.0.1:{sys.argv[1]}"
LINE = re.compile(r'^([a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(?:,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? (\S+)$')


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def get(path):
    try:
        with urllib.request.urlopen(BASE + path, timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def scrape():
    """Returns the samples by name and labels. Each line must be one that Prometheus reads."""
    status, headers, text = get("/metrics")
    expect(status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4"), headers)
    samples, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            expect(name not in types and kind in ("counter", "gauge", "histogram", "untyped"), line)
            types[name] = kind
            continue
        match = LINE.match(line)
        expect(match, line)
        key = (match[1], match[2] or "")
        expect(key not in samples, line)
        family = re.sub(r"_(bucket|sum|count)$", "", match[1]) if match[1] not in types else match[1]
        expect(family in types, line)
        samples[key] = float(match[3])
    return samples


client = Client(int(sys.argv[2]))
before = scrape()
labels = '{grpc_type="unary",grpc_service="immudb.schema.ImmuService",grpc_method="Set"}'
expect(before["grpc_server_started_total", labels] == 0, before)
for number in range(10):
    client.stub.Set(schema.KeyValue(key=b"k%d" % number, value=b"v"))
time.sleep(1.5)  # gauges are updated each second
after = scrape()
expect(after["grpc_server_started_total", labels] == 10, after)
expect(after["grpc_server_handling_seconds_count", labels] == 10, after)
expect(after["immudb_number_of_stored_entries", ""] == 10, after)
expect(after["immudb_number_of_rpcs_per_client", '{ip="127.0.0.1"}'] >= 10, after)
expect(abs(after["immudb_clients_last_message_at_unix_seconds", '{ip="127.0.0.1"}'] - time.time()) < 60, after)
for name in ("process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds", "immudb_uptime_hours"):
    expect(after[name, ""] > 0, name)
expect(0 < time.time() - after["process_start_time_seconds", ""] < 600, after["process_start_time_seconds", ""])

expect(get("/healthz")[0] == 200 and get("/readyz")[0] == 200, "probes")
for path in ("/metrics", "/healthz", "/readyz"):
    request = urllib.request.Request(BASE + path, method="HEAD")
    with urllib.request.urlopen(request, timeout=10) as answer:
        expect(answer.status == 200 and answer.read() == b"", path)
expect(get("/")[0] == 404 and get("/metrics/x")[0] == 404, "unknown paths")

# Strangers: garbage, half a request, and more connections than are admitted; scrapes go on.
held = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(8)]
for number, connection in enumerate(held):
    connection.sendall([b"GET /metrics HTTP/1.1\r\nHost: x\r\n", b"\x16\x03\x01\x02\x00", b"GET / HTTP/9\r\n\r\n"][number % 3])
expect(len(scrape()) >= len(before), "a scrape beside strangers")
for connection in held:
    connection.close()

# Connections that ask and do not read take all places. They are closed, and probes go on.
held = []
for _ in range(16):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", int(sys.argv[1])))
    connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 30)
    held.append(connection)
for attempt in range(5):
    try:
        expect(get("/healthz")[0] == 200, "a probe beside connections that do not read")
        break
    except OSError:
        expect(attempt < 4, "no probe was answered")
print("ok")
