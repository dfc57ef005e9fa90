"""Clients of a server with mutual TLS: honest by grpcio, broken by Python's ssl and by raw sockets.

Usage: tls_client.py PORT CA STRANGE_CA CERT KEY STRANGE_CERT STRANGE_KEY OLD_CERT OLD_KEY

A handshake has 0.7 seconds. The server's certificate is for localhost."""
import os
import socket
import ssl
import sys
import time

import grpc
from google.protobuf import wrappers_pb2

from checks import check, run

PORT = int(sys.argv[1])
CA, STRANGE_CA, CERT, KEY, STRANGE_CERT, STRANGE_KEY, OLD_CERT, OLD_KEY = sys.argv[2:]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


def content(path):
    with open(path, "rb") as file:
        return file.read()


def echo(credentials, data, name="localhost", timeout=10):
    options = [
        ("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20),
        ("grpc.ssl_target_name_override", name), ("grpc.use_local_subchannel_pool", 1),
    ]
    with grpc.secure_channel("127.0.0.1:%d" % PORT, credentials, options=options) as channel:
        call = channel.unary_unary("/test.Peer/Echo")
        answer = call(wrappers_pb2.BytesValue(value=data).SerializeToString(), timeout=timeout)
        return wrappers_pb2.BytesValue.FromString(answer).value


def refused(credentials, **options):
    try:
        echo(credentials, b"x", **options)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNAVAILABLE, error.code()
        return
    raise AssertionError("it was let in")


def credentials(ca=CA, certificate=CERT, key=KEY):
    own = (content(key), content(certificate)) if certificate else (None, None)
    return grpc.ssl_channel_credentials(content(ca), *own)


@check("grpcio is let in with its certificate, and gets large messages back")
def honest():
    for count in (0, 1, 70_000, 20 << 20):
        data = os.urandom(count)
        assert echo(credentials(), data) == data


@check("grpcio without a certificate is refused")
def no_certificate():
    refused(credentials(certificate=None))


@check("grpcio with the certificate of a stranger is refused")
def stranger():
    refused(credentials(certificate=STRANGE_CERT, key=STRANGE_KEY))


@check("grpcio with a certificate that has expired is refused")
def expired():
    refused(credentials(certificate=OLD_CERT, key=OLD_KEY))


@check("grpcio that trusts a stranger does not connect")
def strange_server():
    refused(credentials(ca=STRANGE_CA))


@check("grpcio that expects another name does not connect")
def other_name():
    refused(credentials(), name="db.example.com")


def context(version=None, protocols=("h2",)):
    made = ssl.create_default_context(cafile=CA)
    made.load_cert_chain(CERT, KEY)
    if protocols:
        made.set_alpn_protocols(list(protocols))
    if version:
        made.set_ciphers("ALL:@SECLEVEL=0")
        made.minimum_version = version
        made.maximum_version = version
    return made


def connect(made):
    raw = socket.create_connection(("127.0.0.1", PORT), timeout=5)
    return made.wrap_socket(raw, server_hostname="localhost")


@check("TLS 1.1 is refused by an alert, 1.2 and 1.3 are not")
def versions():
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with connect(context(version)) as peer:
            assert peer.selected_alpn_protocol() == "h2"
            peer.sendall(PREFACE + SETTINGS)
            assert peer.recv(9), "no SETTINGS"
    try:
        connect(context(ssl.TLSVersion.TLSv1_1)).close()
    except ssl.SSLError as error:
        assert "PROTOCOL_VERSION" in str(error).upper(), error
        return
    raise AssertionError("TLS 1.1 was taken")


def ended(peer, seconds=3.0):
    """Reads to the end, and returns the bytes."""
    until = time.time() + seconds
    data = b""
    try:
        while True:
            peer.settimeout(max(0.01, until - time.time()))
            part = peer.recv(1 << 16)
            if not part:
                return data
            data += part
    except (ConnectionError, ssl.SSLError) as error:
        if isinstance(error, socket.timeout):
            raise AssertionError("the connection is still there")
        return data


@check("a client that offers no protocol, or HTTP/1.1 only, is sent away")
def protocols():
    for offered in ((), ("http/1.1",)):
        with connect(context(protocols=offered)) as peer:
            peer.sendall(PREFACE + SETTINGS)
            assert ended(peer) == b"", "the server has spoken"


@check("a plain HTTP/2 client is told that the port wants TLS")
def plain():
    with socket.create_connection(("127.0.0.1", PORT)) as peer:
        peer.sendall(PREFACE + SETTINGS)
        said = ended(peer)
        assert said.endswith(b"this port wants TLS"), said


def hello():
    """Returns the first bytes of a TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    peer = context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        peer.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


@check("half of a ClientHello, and nothing at all, are cut in time")
def half():
    whole = hello()
    for sent in (b"", whole[:1], whole[:5], whole[:100], whole):
        with socket.create_connection(("127.0.0.1", PORT)) as peer:
            peer.sendall(sent)
            began = time.time()
            ended(peer)
            assert time.time() - began < 2, "%d bytes" % len(sent)


@check("garbage, huge records and endless bytes end the connection")
def garbage():
    for sent in (
        os.urandom(1000), b"\x16" + os.urandom(1000), b"\x16\x03\x01\xff\xff" + bytes(1 << 16),
        b"\x15\x03\x03\x00\x02\x02\x28", b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + bytes(1 << 20),
        b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x00" * 50_000,
    ):
        with socket.create_connection(("127.0.0.1", PORT)) as peer:
            began = time.time()
            try:
                peer.settimeout(3)
                peer.sendall(sent)
            except OSError:
                pass
            ended(peer)
            assert time.time() - began < 2.5, sent[:8]


@check("a handshake byte by byte ends in time")
def drip():
    with socket.create_connection(("127.0.0.1", PORT)) as peer:
        began = time.time()
        try:
            for byte in hello():
                peer.sendall(bytes([byte]))
                time.sleep(0.01)
                assert time.time() - began < 3
        except OSError:
            return
    raise AssertionError("it could go on")


@check("140 handshakes that are never finished do not keep others out")
def many():
    # One address may have half of the 300 places.
    whole = hello()
    peers = [socket.create_connection(("127.0.0.1", PORT)) for _ in range(140)]
    for peer in peers:
        peer.sendall(whole)
    began = time.time()
    assert echo(credentials(), b"x") == b"x"
    assert time.time() - began < 2
    for peer in peers:
        ended(peer)
        peer.close()


@check("requests inside of TLS that are no HTTP/2 end the connection")
def not_http2():
    for sent in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(100_000)):
        with connect(context()) as peer:
            try:
                peer.sendall(sent)
            except OSError:
                pass
            ended(peer, 8)


run()
