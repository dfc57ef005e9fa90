"""An immudb with users, as far as a login needs it: Health for everybody, Login, CurrentRoot and Dump with the token.

Prints its port; ends when it is killed. The only user is joe, with the password "s3cret! word". A dump never ends.
"""

import importlib
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

from immudb_wire import schema, services

pb = importlib.import_module("pb_pb2")
TOKEN = "v2.public.eyJzdWIiOiJqb2UifQ"


class Server(services.ImmuServiceServicer):
    def identify(self, context):
        context.send_initial_metadata((("immudb-uuid", "dc1jror8di1986gclkv0"),))

    def Health(self, request, context):
        self.identify(context)
        return schema.HealthResponse(status=True)

    def Login(self, request, context):
        self.identify(context)
        if "authorization" in dict(context.invocation_metadata()):
            context.abort(grpc.StatusCode.INTERNAL, "a login carries no token")
        if (request.user, request.password) != (b"joe", b"s3cret! word"):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "invalid user or password")
        return schema.LoginResponse(token=TOKEN.encode())

    def demand_token(self, context):
        if dict(context.invocation_metadata()).get("authorization") != f"Bearer {TOKEN}":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "invalid token")

    def CurrentRoot(self, request, context):
        self.identify(context)
        self.demand_token(context)
        return schema.Root(index=6, root=bytes(32))

    def Dump(self, request, context):
        self.identify(context)
        self.demand_token(context)
        ended = threading.Event()
        context.add_callback(ended.set)
        yield pb.KVList(kv=[pb.KV(key=b"k", value=b"v", user_meta=b"\0", version=1)])
        ended.wait()


server = grpc.server(ThreadPoolExecutor(4))
services.add_ImmuServiceServicer_to_server(Server(), server)
print("port", server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
