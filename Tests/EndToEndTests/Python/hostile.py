"""Replays hostile_requests.json: each request gets its status, nothing is written, and the server goes on.

    hostile.py PORT

A request is a method and the bytes of its message: `body` in hex, or `parts`, each in hex with the number of its
repetitions. A message of the answer may have * for any text.
"""

import fnmatch
import json
import pathlib
import sys

import grpc
from google.protobuf import empty_pb2

from immudb_wire import Client, schema

REQUESTS = pathlib.Path(__file__).with_name("hostile_requests.json")
SERVICE = "/immudb.schema.ImmuService/"


def body(request):
    parts = request.get("parts") or [[request["body"], 1]]
    return b"".join(bytes.fromhex(text) * count for text, count in parts)


def status(client, request):
    """Returns the code and message of the answer. OK is never expected."""
    call = client.channel.unary_unary(SERVICE + request["method"])
    try:
        call(body(request), timeout=30)
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return "OK", ""


def replay(port):
    client = Client(port)
    client.set(b"present", b"\xffraw")
    before = client.current_root()
    failures = []
    requests = json.loads(REQUESTS.read_text())
    for request in requests:
        code, message = status(client, request)
        if code != request["code"] or not fnmatch.fnmatchcase(message, request["message"]):
            failures.append(f"{request}: {code} {message!r}"[:400])
        if client.current_root() != before:
            failures.append(f"{request}: something was written"[:400])
            before = client.current_root()
        if not client.stub.Health(empty_pb2.Empty()).status:
            failures.append(f"{request}: the server is not well"[:400])
    if failures:
        raise SystemExit("\n".join(failures))
    item = client.stub.Get(schema.Key(key=b"present"))
    if (item.value, item.index) != (b"\xffraw", 0):
        raise SystemExit("the entry from before has changed")
    print(f"{len(requests)} hostile requests: each refused as it should be, nothing written")


if __name__ == "__main__":
    replay(int(sys.argv[1]))
