"""grpcio as client against our server. Usage: grpcio_client.py PORT [CA CERT KEY]

With files, by mutual TLS; the server's certificate is for 127.0.0.1."""
import queue
import random
import sys
import threading
import time

import grpc
from google.protobuf import empty_pb2, wrappers_pb2

from checks import check, run

ADDRESS = "127.0.0.1:%s" % sys.argv[1]
LARGE = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20)]
FILES = [open(path, "rb").read() for path in sys.argv[2:]]


def open_channel(options):
    if not FILES:
        return grpc.insecure_channel(ADDRESS, options=options)
    authorities, certificate, key = FILES
    return grpc.secure_channel(ADDRESS, grpc.ssl_channel_credentials(authorities, key, certificate), options=options)


channel = open_channel(LARGE)
code = grpc.StatusCode


def raw(value):
    return value


def unary(method, on=None):
    return (on or channel).unary_unary("/test.Peer/" + method)


def bytes_value(data):
    return wrappers_pb2.BytesValue(value=data).SerializeToString()


def number(value):
    return wrappers_pb2.Int64Value(value=value).SerializeToString()


def text(value):
    return wrappers_pb2.StringValue(value=value).SerializeToString()


def echo(data, on=None, method="Echo", **options):
    answer = unary(method, on)(bytes_value(data), **options)
    return wrappers_pb2.BytesValue.FromString(answer).value


def counters():
    answer = unary("Counters")(b"")
    pairs = wrappers_pb2.StringValue.FromString(answer).value.split()
    return {name: int(value) for name, value in (pair.split("=") for pair in pairs)}


def failure(body):
    try:
        body()
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call succeeded")


def eventually(condition, what):
    for _ in range(200):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("never: " + what)


def pattern(count):
    return random.Random(count).randbytes(count)


@check("messages of 0 bytes to 16 MiB come back unchanged")
def sizes():
    for count in [0, 1, 100, 16_379, 16_384, 65_535, 65_536, 1 << 20, (4 << 20) + 1, 16 << 20]:
        data = pattern(count)
        assert echo(data) == data, count


@check("methods on the event loop, on workers and on blocking threads answer alike")
def executions():
    for method in ["Echo", "EchoInline", "EchoBlocking", "Later"]:
        assert echo(b"abc", method=method) == b"abc", method


@check("metadata goes both ways, binary too")
def metadata():
    sent = [("x-text", "one"), ("x-text", "two"), ("x-bytes-bin", b"\x00\x01\xfe\xff"), ("x-empty-bin", b"")]
    _, call = unary("Meta").with_call(b"", metadata=sent)
    headers = list(call.initial_metadata())
    trailers = list(call.trailing_metadata())
    for name, value in sent:
        assert (name, value) in headers, (name, headers)
        assert (name, value) in trailers, (name, trailers)
    assert ("server-id", "test-server") in headers


@check("the configured headers come first with every answer, error and unknown method")
def initial_headers():
    def ids(error):
        return [value for name, value in error.initial_metadata() if name == "server-id"]

    assert ids(failure(lambda: unary("Fail")(text("5:x")))) == ["test-server"]
    assert ids(failure(lambda: unary("Nope")(b""))) == ["test-server"]
    assert ids(failure(lambda: unary("Echo")(b"\xff\xff"))) == ["test-server"]
    call = channel.unary_stream("/test.Peer/Count")(number(1))
    assert ("server-id", "test-server") in list(call.initial_metadata())
    list(call)


@check("every status code and its message arrive, with any text")
def statuses():
    for value in range(1, 17):
        error = failure(lambda: unary("Fail")(text("%d:because %d" % (value, value))))
        assert error.code().value[0] == value
        assert error.details() == "because %d" % value
    for details in ["50% of ä, \u4e2d\u6587 and \U0001f600", "a\nb\tc", "", "x" * 4096]:
        assert failure(lambda: unary("Fail")(text("3:" + details))).details() == details
    error = failure(lambda: unary("FailMeta")(b""))
    assert ("why", "because") in list(error.trailing_metadata())
    assert ("early", "yes") in list(error.initial_metadata())


@check("unknown methods and services are UNIMPLEMENTED by name")
def unknown():
    error = failure(lambda: unary("Nope")(b""))
    assert error.code() == code.UNIMPLEMENTED
    assert error.details() == "unknown method Nope for service test.Peer"
    error = failure(lambda: channel.unary_unary("/no.Such/Thing")(b""))
    assert error.code() == code.UNIMPLEMENTED and error.details() == "unknown service no.Such"
    error = failure(lambda: channel.unary_unary("/no.Such/Thing")(pattern(1 << 20)))
    assert error.code() == code.UNIMPLEMENTED


@check("bytes that are no message are INTERNAL")
def undecodable():
    error = failure(lambda: unary("Echo")(b"\xff\xff\xff"))
    assert error.code() == code.INTERNAL and "cannot decode" in error.details(), error


@check("a message over the limit is RESOURCE_EXHAUSTED with both sizes")
def too_large():
    data = bytes_value(bytes(33 << 20))
    error = failure(lambda: unary("Echo")(data))
    assert error.code() == code.RESOURCE_EXHAUSTED, error
    limit = 32 << 20
    assert error.details() == "grpc: received message larger than max (%d vs. %d)" % (len(data), limit)
    assert echo(b"still here") == b"still here"


@check("compressed requests are UNIMPLEMENTED")
def compressed():
    for method in [grpc.Compression.Gzip, grpc.Compression.Deflate]:
        error = failure(lambda: unary("Echo")(bytes_value(bytes(1000)), compression=method))
        assert error.code() == code.UNIMPLEMENTED, error


@check("headers over the limit are RESOURCE_EXHAUSTED")
def large_headers():
    error = failure(lambda: echo(b"x", metadata=[("x-large", "a" * 20_000)]))
    assert error.code() == code.RESOURCE_EXHAUSTED, error
    assert echo(b"x", metadata=[("x-fits", "a" * 10_000)]) == b"x"


@check("a deadline passes in time, at the server too")
def deadlines():
    before = counters()["cancelled"]
    began = time.time()
    error = failure(lambda: unary("Hold")(b"", timeout=0.2))
    took = time.time() - began
    assert error.code() == code.DEADLINE_EXCEEDED and 0.15 < took < 1, took
    eventually(lambda: counters()["cancelled"] == before + 1, "the handler was told")
    assert unary("HasDeadline")(b"", timeout=5) == wrappers_pb2.BoolValue(value=True).SerializeToString()
    assert unary("HasDeadline")(b"") == b""


@check("cancelling tells the handler")
def cancelling():
    before = counters()
    calls = [unary("Hold").future(b"") for _ in range(50)]
    eventually(lambda: counters()["held"] == before["held"] + 50, "all are held")
    for call in calls:
        call.cancel()
    eventually(lambda: counters()["cancelled"] == before["cancelled"] + 50, "all were told")


@check("streams bring every message in order")
def streams():
    call = channel.unary_stream("/test.Peer/Count")(number(2000), metadata=[("x-a", "b")])
    values = [wrappers_pb2.Int64Value.FromString(message).value for message in call]
    assert values == list(range(2000))
    assert call.code() == code.OK
    assert ("count", "2000") in list(call.trailing_metadata())
    assert list(channel.unary_stream("/test.Peer/Count")(number(0))) == []


@check("a stream ends with the error that its handler throws")
def failing_stream():
    call = channel.unary_stream("/test.Peer/CountThenFail")(number(3))
    got = []
    error = failure(lambda: [got.append(message) for message in call])
    assert len(got) == 3 and error.code() == code.ABORTED and error.details() == "enough"
    call = channel.unary_stream("/test.Peer/CountThenFail")(number(0))
    error = failure(lambda: list(call))
    assert error.code() == code.ABORTED


@check("a stream that is not read holds its handler back, and ends when it is cancelled")
def stalled_stream():
    before = counters()
    # Without this, grpcio reads as much as the connection carries.
    patient = open_channel([("grpc.http2.bdp_probe", 0), ("grpc.use_local_subchannel_pool", 1)])
    call = patient.unary_stream("/test.Peer/Endless")(number(64 << 10))
    next(call)
    sent = []

    def stands_still():
        time.sleep(0.2)
        sent.append(counters()["streamed"])
        return len(sent) > 1 and sent[-1] == sent[-2]

    eventually(stands_still, "it stands still")
    assert (sent[-1] - before["streamed"]) * (64 << 10) < 16 << 20, sent
    call.cancel()
    eventually(lambda: counters()["streamsEnded"] == before["streamsEnded"] + 1, "the handler ended")
    patient.close()


@check("a stream's deadline ends it")
def stream_deadline():
    before = counters()["streamsEnded"]
    call = channel.unary_stream("/test.Peer/Endless")(number(1 << 10), timeout=0.2)
    error = failure(lambda: [None for _ in call])
    assert error.code() == code.DEADLINE_EXCEEDED, error
    eventually(lambda: counters()["streamsEnded"] == before + 1, "the handler ended")


def converse(questions, **options):
    call = channel.stream_stream("/test.Peer/Converse")(questions, **options)
    return call, (len(wrappers_pb2.BytesValue.FromString(answer).value) for answer in call)


@check("a conversation has an answer for each question, in order")
def conversation():
    call, answers = converse(number(count) for count in range(3000))
    assert list(answers) == list(range(3000))
    assert call.code() == code.OK
    assert ("server-id", "test-server") in list(call.initial_metadata())
    call, answers = converse(number(count) for count in [])
    assert list(answers) == [] and call.code() == code.OK
    # Each question follows the answer to the one before, in many conversations by turns.
    waiting = [queue.Queue() for _ in range(50)]
    open_calls = [converse(iter(questions.get, None)) for questions in waiting]
    for count in (1, 100_000, 7):
        for questions in waiting:
            questions.put(number(count))
        assert all(next(answers) == count for _, answers in open_calls)
    for questions in waiting:
        questions.put(None)
    assert all(list(answers) == [] and call.code() == code.OK for call, answers in open_calls)


@check("a conversation ends with the error of an answer, at its deadline, and when it is cancelled")
def conversation_ends():
    call, answers = converse(number(count) for count in (1, 2, -1, 3))
    got = []
    error = failure(lambda: [got.append(answer) for answer in answers])
    assert got == [1, 2] and error.code() == code.OUT_OF_RANGE and error.details() == "below 0"
    never = threading.Event()
    questions = (never.wait(30) for _ in range(1))
    call, answers = converse(questions, timeout=0.2)
    assert failure(lambda: list(answers)).code() == code.DEADLINE_EXCEEDED
    call, answers = converse(iter([b"\x0a" + b"x" * 5000]))
    assert failure(lambda: list(answers)).code() == code.RESOURCE_EXHAUSTED
    call, answers = converse(iter([b"\xff"]))
    assert failure(lambda: list(answers)).code() == code.INTERNAL
    call, answers = converse(never.wait(30) and b"" for _ in range(1))
    call.cancel()
    assert failure(lambda: list(answers)).code() == code.CANCELLED
    never.set()


@check("a call that is answered twice gets the first answer")
def answered_twice():
    assert wrappers_pb2.StringValue.FromString(unary("Twice")(b"")).value == "first"


@check("64 connections at once")
def connections():
    channels = [
        open_channel(LARGE + [("grpc.use_local_subchannel_pool", 1)]) for _ in range(64)
    ]
    calls = [
        (unary("Echo", one).future(bytes_value(b"%d/%d" % (index, turn))), b"%d/%d" % (index, turn))
        for turn in range(10)
        for index, one in enumerate(channels)
    ]
    for call, expected in calls:
        assert wrappers_pb2.BytesValue.FromString(call.result()).value == expected
    assert counters()["connections"] >= 64
    for one in channels:
        one.close()
    eventually(lambda: counters()["connections"] < 10, "they are gone")


@check("10,000 concurrent calls")
def many_calls():
    calls = [unary("Later").future(bytes_value(b"%d" % index)) for index in range(10_000)]
    for index, call in enumerate(calls):
        assert wrappers_pb2.BytesValue.FromString(call.result()).value == b"%d" % index


@check("200 concurrent answers of 1 MiB")
def large_answers():
    calls = [unary("Large").future(number(1 << 20)) for _ in range(200)]
    for call in calls:
        assert len(wrappers_pb2.BytesValue.FromString(call.result()).value) == 1 << 20


@check("20 concurrent requests of 4 MiB")
def large_requests():
    data = pattern(4 << 20)
    calls = [unary("Echo").future(bytes_value(data)) for _ in range(20)]
    for call in calls:
        assert wrappers_pb2.BytesValue.FromString(call.result()).value == data


@check("an honest client that cancels much is not turned away")
def many_cancels():
    stop = threading.Event()
    results = {"good": 0, "bad": []}

    def work():
        while not stop.is_set():
            try:
                echo(b"x")
                results["good"] += 1
            except grpc.RpcError as error:
                results["bad"].append(error)

    worker = threading.Thread(target=work)
    worker.start()
    for _ in range(4000):
        call = unary("Hold").future(b"")
        time.sleep(0.0002)
        call.cancel()
    stop.set()
    worker.join()
    assert not results["bad"] and results["good"] > 100, results


@check("at the end no call is left")
def nothing_left():
    eventually(lambda: counters()["cancelled"] == counters()["held"], "every held call was ended")


run()
