"""A client of immudb that has no .proto file: it asks the server for them.

    reflection.py PORT

Ends with 0 if everything held; otherwise with the exception of the first check that failed.
"""

import sys

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha import reflection_pb2 as older
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

channel = grpc.insecure_channel("127.0.0.1:%s" % sys.argv[1])
INFO = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"


def ask(*questions, path=INFO):
    """Returns the answers to questions. The messages of v1 are those of v1alpha."""
    call = channel.stream_stream(
        path, older.ServerReflectionRequest.SerializeToString, older.ServerReflectionResponse.FromString)
    return list(call(iter(questions), timeout=10))


def question(**fields):
    return older.ServerReflectionRequest(host="me", **fields)


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


# grpcio's own client of reflection.
database = ProtoReflectionDescriptorDatabase(channel)
services = set(database.get_services())
expected = {"immudb.schema.ImmuService", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"}
expect(expected <= services, services)
pool = descriptor_pool.DescriptorPool(database)
for name in services:
    expect(len(pool.FindServiceByName(name).methods) > 0, name)


def method(name):
    service = pool.FindServiceByName("immudb.schema.ImmuService")
    found = service.FindMethodByName(name)
    answer = message_factory.GetMessageClass(found.output_type)
    request = message_factory.GetMessageClass(found.input_type)
    stub = channel.unary_unary(
        "/immudb.schema.ImmuService/" + name, request.SerializeToString, answer.FromString)
    return request, stub


KeyValue, set_entry = method("Set")
Key, get_entry = method("Get")
index = set_entry(KeyValue(key=b"told", value=b"by reflection")).index
item = get_entry(Key(key=b"told"))
expect((item.index, item.value) == (index, b"by reflection"), item)

# Both names of the service, several questions a call, in order.
for path in (INFO, INFO.replace(".v1.", ".v1alpha.")):
    answers = ask(
        question(file_by_filename="pb.proto"), question(list_services="*"),
        question(file_containing_symbol="immudb.schema.ImmuService.SafeGet"),
        question(file_containing_symbol="grpc.health.v1.HealthCheckResponse.ServingStatus"),
        question(all_extension_numbers_of_type="immudb.schema.Key"),
        question(file_by_filename="nothing.proto"), question(file_containing_symbol="immudb.schema.Nothing"),
        question(all_extension_numbers_of_type="x" * 3000),
        question(file_containing_extension=older.ExtensionRequest(containing_type="immudb.schema.Key")),
        path=path)
    kinds = [answer.WhichOneof("message_response") for answer in answers]
    files = "file_descriptor_response"
    expect(
        kinds == [
            files, "list_services_response", files, files, "all_extension_numbers_response",
            *["error_response"] * 4,
        ], kinds)
    expect(all(answer.original_request.host == answer.valid_host == "me" for answer in answers), answers)
    expect(answers[5].error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0], answers[5])
    expect(len(answers[7].error_response.error_message) < 300, answers[7])
    # The requested file is first, and all files that it imports are there.
    expect(len(answers[2].file_descriptor_response.file_descriptor_proto) >= 3, answers[2])

try:
    ask(question())
    raise AssertionError("a question that asks for nothing was answered")
except grpc.RpcError as error:
    expect(error.code() == grpc.StatusCode.INVALID_ARGUMENT, error)
print("ok")
