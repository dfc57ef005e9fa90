"""grpcio as server for our client. Prints its port; ends when its input does or it is killed. Usage: grpcio_server.py [PORT]"""
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf import wrappers_pb2

cancelled = 0
held = 0


def echo(request, context):
    return request


def fail(request, context):
    number, text = wrappers_pb2.StringValue.FromString(request).value.split(":", 1)
    context.send_initial_metadata((("early", "yes"),))
    context.set_trailing_metadata((("why", "because"), ("why-bin", b"\x00\xff")))
    context.abort(next(one for one in grpc.StatusCode if one.value[0] == int(number)), text)


def fail_at_once(request, context):
    """Without initial metadata: grpcio sends one block only."""
    context.abort(grpc.StatusCode.NOT_FOUND, "nothing here")


def meta(request, context):
    fields = [(name, value) for name, value in context.invocation_metadata() if name.startswith("x-")]
    context.send_initial_metadata(fields)
    context.set_trailing_metadata(fields)
    return b""


def hold(request, context):
    global cancelled, held
    held += 1
    ended = threading.Event()
    context.add_callback(ended.set)
    ended.wait(10)
    cancelled += 1
    return b""


def count_held(request, context):
    return wrappers_pb2.Int64Value(value=held).SerializeToString()


def count_cancelled(request, context):
    return wrappers_pb2.Int64Value(value=cancelled).SerializeToString()


def time_left(request, context):
    left = context.time_remaining()
    return wrappers_pb2.DoubleValue(value=-1 if left is None or left > 1e8 else left).SerializeToString()


def large(request, context):
    size = wrappers_pb2.Int64Value.FromString(request).value
    return wrappers_pb2.BytesValue(value=bytes(size)).SerializeToString()


def count(request, context):
    context.send_initial_metadata((("early", "yes"),))
    for number in range(wrappers_pb2.Int64Value.FromString(request).value):
        yield wrappers_pb2.Int64Value(value=number).SerializeToString()
    context.set_trailing_metadata((("late", "yes"),))


def count_then_fail(request, context):
    yield from count(request, context)
    context.abort(grpc.StatusCode.ABORTED, "enough")


def endless(request, context):
    global cancelled
    message = large(request, context)
    try:
        while True:
            yield message
    finally:
        cancelled += 1


def compressed(request, context):
    context.set_compression(grpc.Compression.Gzip)
    return wrappers_pb2.BytesValue(value=bytes(10_000)).SerializeToString()


def garbage(request, context):
    return b"\xff\xff\xff"


unary = {
    "Echo": echo, "Fail": fail, "FailAtOnce": fail_at_once, "Meta": meta, "Hold": hold, "Cancelled": count_cancelled,
    "Held": count_held,
    "TimeLeft": time_left, "Large": large, "Compressed": compressed, "Garbage": garbage,
}
streaming = {"Count": count, "CountThenFail": count_then_fail, "Endless": endless}
handlers = {name: grpc.unary_unary_rpc_method_handler(body) for name, body in unary.items()}
handlers.update({name: grpc.unary_stream_rpc_method_handler(body) for name, body in streaming.items()})

server = grpc.server(
    ThreadPoolExecutor(80),
    handlers=[grpc.method_handlers_generic_handler("test.Peer", handlers)],
    options=[("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20),
             ("grpc.so_reuseport", 0)],
)
port = server.add_insecure_port("127.0.0.1:%s" % (sys.argv[1] if len(sys.argv) > 1 else "0"))
server.start()
print(port, flush=True)
signal = threading.Event()
try:
    signal.wait(600)
except KeyboardInterrupt:
    pass
