"""Calls immudb with grpcio over mutual TLS. Usage:
mutual_tls.py PORT CA STRANGE_CA CERT KEY STRANGE_CERT STRANGE_KEY OLD_CERT OLD_KEY"""
import socket
import ssl
import sys

import grpc

PORT = int(sys.argv[1])
CA, STRANGE_CA, CERT, KEY, STRANGE_CERT, STRANGE_KEY, OLD_CERT, OLD_KEY = sys.argv[2:]


def content(path):
    with open(path, "rb") as file:
        return file.read()


def health(authorities, certificate, key, name="localhost"):
    own = (content(key), content(certificate)) if key else (None, None)
    credentials = grpc.ssl_channel_credentials(content(authorities), *own)
    options = [("grpc.ssl_target_name_override", name), ("grpc.use_local_subchannel_pool", 1)]
    with grpc.secure_channel("127.0.0.1:%d" % PORT, credentials, options=options) as channel:
        call = channel.unary_unary("/immudb.schema.ImmuService/Health")
        try:
            return call(b"", timeout=10)
        except grpc.RpcError as error:
            return error.code()


assert health(CA, CERT, KEY) == b"\x08\x01"
refused = grpc.StatusCode.UNAVAILABLE
assert health(CA, None, None) == refused, "no certificate"
assert health(CA, STRANGE_CERT, STRANGE_KEY) == refused, "of a stranger"
assert health(CA, OLD_CERT, OLD_KEY) == refused, "expired"
assert health(CA, CERT, KEY, name="db.example.com") == refused, "another name"
assert health(STRANGE_CA, CERT, KEY) == refused, "a server of a stranger"

old = ssl.create_default_context(cafile=CA)
old.load_cert_chain(CERT, KEY)
old.set_ciphers("ALL:@SECLEVEL=0")
old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
try:
    old.wrap_socket(socket.create_connection(("127.0.0.1", PORT)), server_hostname="localhost")
except ssl.SSLError:
    pass
else:
    raise AssertionError("TLS 1.1")
assert health(CA, CERT, KEY) == b"\x08\x01"
