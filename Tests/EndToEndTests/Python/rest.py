"""The REST interface of immugw 0.6, route by route: exact bodies, statuses and header fields.

    rest.py PORT data            an empty immudb without users behind the gateway: all routes, bad input, CORS
    rest.py PORT users PASSWORD  an immudb with users, whose administrator has that password
    rest.py PORT away            no immudb behind the gateway

Ends with 0 if everything held; otherwise with what did not.
"""

import base64
import http.client
import json
import sys
import time

BASE = "/v1/immurestproxy"
PORT = int(sys.argv[1])


def b64(data):
    return base64.b64encode(data).decode()


def expect(holds, what):
    if not holds:
        raise SystemExit(f"rest.py: {what}")


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.getheaders()
        self.body = response.read()

    def header(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def json(self):
        return json.loads(self.body)


def request(method, path, body=None, headers=None, base=BASE):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
    connection.request(method, base + path, body, headers or {})
    answer = Answer(connection.getresponse())
    connection.close()
    return answer


def get(path, headers=None):
    return request("GET", path, headers=headers)


def post(path, body, headers=None):
    return request("POST", path, body, headers)


def ok(answer, body, what):
    """A success with exactly this body, byte for byte."""
    text = body if isinstance(body, bytes) else body.encode()
    expect(answer.status == 200, f"{what}: {answer.status} {answer.body}")
    expect(answer.body == text, f"{what}: {answer.body} instead of {text}")
    expect(answer.header("content-type") == ["application/json"], f"{what}: {answer.headers}")
    expect(answer.header("vary") == ["Origin"], f"{what}: {answer.headers}")


def refused(answer, status, code, message, what):
    """An error with its three fields in order."""
    expect(answer.status == status, f"{what}: {answer.status} {answer.body} instead of {status}")
    error = json.loads(answer.body)
    expect(list(error)[:3] == ["error", "code", "message"], f"{what}: {answer.body}")
    expect(error["code"] == code and error["error"] == error["message"], f"{what}: {answer.body}")
    if message is not None:
        expect(error["message"] == message, f"{what}: {error['message']!r} instead of {message!r}")
    expect(answer.header("content-type") == ["application/json"], f"{what}: {answer.headers}")


def text(answer, status, body, what):
    expect(answer.status == status and answer.body == body, f"{what}: {answer.status} {answer.body}")
    expect(answer.header("content-type")[0].startswith("text/plain"), f"{what}: {answer.headers}")


def content(payload, timestamp):
    """A stored value, as clients write it."""
    number, bytes_ = timestamp, b"\x08"
    while number >= 0x80:
        bytes_ += bytes([number & 0x7F | 0x80])
        number >>= 7
    return bytes_ + bytes([number]) + b"\x12" + bytes([len(payload)]) + payload


def timestamp_of(answer):
    return answer.json["items"][0]["value"]["timestamp"]


# MARK: data


def empty_database():
    root = get("/root")
    ok(root, "{}", "the root of an empty database")
    expect(root.header("grpc-metadata-content-type") == ["application/grpc"], f"{root.headers}")
    expect(len(root.header("grpc-metadata-immudb-uuid")[0]) == 20, f"{root.headers}")
    ok(get("/healthresponse"), '{"status":true}', "health")
    ok(post("/item/scan", {}), "{}", "a scan of nothing")
    ok(get("/item/count/" + b64(b"x")), "{}", "a count of nothing")
    ok(get("/history/" + b64(b"x")), "{}", "a history of nothing")
    dump = post("/dump", {})
    expect((dump.status, dump.body) == (200, b""), f"a dump of nothing: {dump.status} {dump.body}")


def writes_and_reads():
    key, value = b"hello", b"world"
    before = int(time.time())
    first = post("/item", {"key": b64(key), "value": b64(value)})
    ok(first, "{}", "the index 0 is left out")
    expect(not first.header("grpc-metadata-immudb-uuid"), "own handlers copy no header")
    ok(post("/item", {"key": b64(key), "value": b64(value)}), '{"index":1}', "item")
    ok(post("/item/safe", {"kv": {"key": b64(key), "value": b64(value)}, "rootIndex": {"index": "9"}}),
       '{"index":2,"verified":true}', "item/safe, whose rootIndex is not used")
    history = get("/history/" + b64(key))
    time_ = timestamp_of(history)
    expect(before <= time_ <= time.time() + 1, f"the gateway's time: {time_}")
    safe = post("/item/safe/get", {"key": b64(key)})
    ok(safe, f'{{"key":"{b64(key)}","value":"{b64(value)}","index":2,"time":{time_},"verified":true}}',
       "item/safe/get")
    expect([item["index"] for item in history.json["items"]] == [2, 1, 0], f"{history.body}")
    expect(history.body.startswith(b'{"items":[{"index":2,"key":"'), f"{history.body}")
    stored = b64(content(value, time_))
    ok(get("/item/" + b64(key)), f'{{"key":"{b64(key)}","value":"{stored}","index":"2"}}', "item")
    by_index = get("/item/index/2")
    ok(by_index, f'{{"key":"{b64(key)}","value":"{stored}","index":"2"}}', "item/index")
    expect("index" not in get("/item/index/0").json, "the index 0 is left out")
    ok(get("/item/count/" + b64(b"h")), '{"count":"1"}', "count")


def raw_values():
    ok(post("/batch/set", {"KVs": [{"key": b64(b"raw"), "value": b64(b"as it is")},
                                   {"key": b64(b"empty"), "value": ""}]}), '{"index":"4"}', "batch/set")
    ok(post("/batch/get", {"keys": [{"key": b64(b"raw")}, {"key": b64(b"none")}]}),
       f'{{"items":[{{"key":"{b64(b"raw")}","value":"{b64(b"as it is")}","index":"3"}}]}}', "batch/get")
    ok(post("/item/safe/get", {"key": b64(b"raw")}),
       f'{{"key":"{b64(b"raw")}","value":"{b64(b"as it is")}","index":3,"time":0,"verified":true}}',
       "a raw value, verified")
    ok(post("/item/safe/get", {"key": b64(b"empty")}),
       f'{{"key":"{b64(b"empty")}","value":null,"index":4,"time":0,"verified":true}}', "an empty value")
    ok(get("/history/" + b64(b"raw")),
       f'{{"items":[{{"index":3,"key":"{b64(b"raw")}","value":{{"payload":"{b64(b"as it is")}"}}}}]}}',
       "the history of a raw value")


def references_and_sets():
    hello = b64(b"hello")
    ok(post("/reference", {"reference": b64(b"name"), "key": hello}), '{"index":"5"}', "reference")
    ok(post("/safe/reference", {"ro": {"reference": b64(b"name2"), "key": hello}}),
       '{"index":6,"verified":true}', "safe/reference")
    ok(post("/zadd", {"set": b64(b"set"), "score": 2.5, "key": hello}), '{"index":"7"}', "zadd")
    ok(post("/safe/zadd", {"zopts": {"set": b64(b"set"), "score": "-1", "key": b64(b"raw")}}),
       '{"index":8,"verified":true}', "safe/zadd")
    items = post("/zscan", {"set": b64(b"set")}).json["items"]
    expect([item["key"] for item in items] == [b64(b"raw"), hello], f"zscan: {items}")
    reverse = post("/zscan", {"set": b64(b"set"), "reverse": True}).json["items"]
    expect(reverse == items[::-1], f"zscan: {reverse}")
    found = post("/item/safe/get", {"key": b64(b"name")}).json
    expect(found["key"] == hello and found["verified"] is True, f"a reference, verified: {found}")
    scan = post("/item/scan", {"limit": "2"}).json["items"]
    expect([item["key"] for item in scan] == [b64(b"empty"), hello], f"scan: {scan}")
    scan = post("/item/scan", {"offset": hello, "limit": 1}).json["items"]
    expect([item["key"] for item in scan] == [b64(b"raw")], f"scan: {scan}")
    page = post("/iscan", {"pageSize": 2, "pageNumber": 1})
    expect(page.body.endswith(b',"more":true}') and len(page.json["items"]) == 2, f"iscan: {page.body}")
    expect("more" not in post("/iscan", {"pageSize": 20, "pageNumber": 1}).json, "iscan: the last page")


def tree():
    root = get("/root").json
    expect(root["index"] == "8" and len(base64.b64decode(root["root"])) == 32, f"root: {root}")
    inclusion = get("/inclusionproof/3").json
    expect(list(inclusion) == ["at", "index", "root", "leaf", "path"], f"inclusion: {inclusion}")
    expect(inclusion["root"] == root["root"] and inclusion["index"] == "3", f"inclusion: {inclusion}")
    consistency = get("/consistencyproof/3").json
    expect(list(consistency) == ["first", "second", "secondRoot", "path"], f"consistency: {consistency}")
    expect(consistency["secondRoot"] == root["root"], f"consistency: {consistency}")


def dump():
    answer = post("/dump", {})
    expect(answer.header("content-type") == ["application/json"], f"dump: {answer.headers}")
    expect(answer.header("transfer-encoding") == ["chunked"], f"dump: {answer.headers}")
    expect(answer.body.endswith(b"\n"), f"dump: {answer.body}")
    pairs = [pair for line in answer.body.splitlines() for pair in json.loads(line)["result"]["kv"]]
    expect([pair["version"] for pair in pairs] == [str(n) for n in range(1, 10)], f"dump: {pairs}")
    expect(pairs[3] == {"key": b64(b"raw"), "value": b64(b"as it is"), "user_meta": "AA==", "version": "4",
                        "stream_id": 1}, f"dump: {pairs[3]}")
    expect(pairs[5]["user_meta"] == "AQ==", f"dump: {pairs[5]}")


def bad_input():
    for route in ["/item", "/item/safe", "/item/safe/get", "/batch/set", "/reference", "/safe/reference",
                  "/zadd", "/safe/zadd", "/zscan"]:
        for body in ["{}", "", "null"]:
            refused(post(route, body), 400, 3, None, f"{route} {body!r}")
    for body in ["nonsense", "[]", "7", '"x"', "{", '{"key":"YQ"}', '{"key":"a-_="}', '{"key":7}', '{"key":[]}',
                 b"\xff\xfe{}", b'{"key":"\xff"}']:
        refused(post("/item", body), 400, 3, None, f"item {body!r}")
    refused(post("/batch/set", {"KVs": [{"key": "YQ=="}, {"key": "?"}]}), 400, 3,
            "field KVs[1].key: not standard base64 with padding", "the field is named")
    refused(post("/zadd", {"set": "cw==", "score": "NaN", "key": b64(b"hello")}), 400, 3, None, "no number")
    refused(get("/item/a"), 400, 3, "type mismatch, parameter: key, error: illegal base64 data", "no base64")
    refused(get("/item/"), 400, 3, "invalid key", "no key")
    for index in ["x", "-1", "18446744073709551616", "1.0", "+1", "%31%00"]:
        refused(get("/item/index/" + index), 400, 3, None, f"index {index}")
    refused(get("/item/index/9"), 404, 5, None, "beyond the end")
    refused(get("/item/" + b64(b"none")), 404, 5, "Key not found", "no such key")
    refused(get("/item/scan"), 404, 5, "Key not found", "a key whose base64 is `scan`")
    refused(post("/item/safe/get", {"key": b64(b"none")}), 404, 5, "Key not found", "no such key, verified")
    refused(post("/safe/reference", {"ro": {"reference": "YQ==", "key": b64(b"none")}}), 404, 5, None, "no target")
    refused(post("/item", {"key": b64(b"k" * 70000)}), 400, 3, "key of 70000 bytes exceeds the limit of 65000", "a long key")
    refused(post("/item", {"key": "YQ==", "value": b64(b"x" * (33 << 20))}), 429, 8, None, "a large value")
    refused(post("/item", " " * (50 << 20)), 413, 8, None, "a large body")
    for timeout in ["5x", "S", "", "123456789S"]:
        refused(get("/root", {"Grpc-Timeout": timeout}), 400, 3, f"invalid grpc-timeout: {timeout}", timeout)
    refused(get("/root", {"Grpc-Timeout": "1n"}), 504, 4, None, "a deadline that has passed")
    expect(get("/root", {"Grpc-Timeout": "20S"}).status == 200, "a deadline that has not")


def paths_and_methods():
    for path in ["/nothing", "/root/", "//root", "/item/%2F", "/item/a%2Fb", "/item//YQ==", "/root:verb", ""]:
        text(get(path), 404, b"Not Found\n", path)
    text(request("GET", "/", base="/v1"), 404, b"Not Found\n", "/v1/")
    for method, path in [("PUT", "/root"), ("DELETE", "/item"), ("POST", "/root"), ("GET", "/login"),
                         ("POST", "/item/YQ=="), ("OPTIONS", "/root")]:
        text(request(method, path), 405, b"Method Not Allowed\n", f"{method} {path}")
    expect(request("HEAD", "/root").status == 405, "HEAD")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    expect(request("POST", "/root", headers=form).status == 200, "a form reaches a GET route")
    expect(request("POST", "/login", headers=form | {"X-HTTP-Method-Override": "GET"}).status == 405, "override")
    ok(get("/item/index/0?x=1"), get("/item/index/0").body, "a query is ignored")
    url_safe = base64.urlsafe_b64encode(b"\xff\xfe?").decode()
    refused(get("/item/" + url_safe), 404, 5, "Key not found", "a key in the URL-safe alphabet")
    refused(get("/item/" + "%61%47VsbG8%3D"[:6]), 400, 3, None, "percent-encoded, no base64")
    expect(get("/item/aGVsbG8%3D").status == 200, "percent-encoded")
    long = base64.urlsafe_b64encode(b"k" * 65000).decode()
    refused(get("/item/" + long), 404, 5, "Key not found", "the longest key")


def cross_origin():
    origin = {"Origin": "http://example.org"}
    answer = get("/root", origin)
    expect(answer.header("access-control-allow-origin") == ["*"], f"{answer.headers}")
    expect(not answer.header("access-control-allow-credentials"), f"{answer.headers}")
    expect(not get("/root").header("access-control-allow-origin"), "no origin, no permission")
    ask = origin | {"Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "authorization, content-type"}
    answer = request("OPTIONS", "/item", headers=ask)
    expect((answer.status, answer.body) == (200, b""), f"preflight: {answer.status} {answer.body}")
    expect(answer.header("vary") == ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"],
           f"preflight: {answer.headers}")
    expect(answer.header("access-control-allow-methods") == ["POST"], f"preflight: {answer.headers}")
    expect(answer.header("access-control-allow-headers") == ["Authorization, Content-Type"], f"{answer.headers}")
    for field in [{"Access-Control-Request-Method": "DELETE"}, {"Access-Control-Request-Headers": "x-other"}]:
        answer = request("OPTIONS", "/item", headers=ask | field)
        expect(answer.status == 200 and not answer.header("access-control-allow-methods")
               and not answer.header("access-control-allow-origin"), f"{field}: {answer.headers}")


def pages():
    for path, kind in [("/", "text/html"), ("/console/", "text/html"), ("/console/console.js", "text/javascript"),
                       ("/metrics", "text/plain"), ("/healthz", "text/plain"), ("/readyz", "text/plain"),
                       ("/console/status", "application/json")]:
        page = request("GET", path, base="")
        expect(page.status == 200 and page.header("content-type")[0].startswith(kind), f"{path}: {page.status}")
        head = request("HEAD", path, base="")
        expect(head.status == 200 and head.body == b"", f"HEAD {path}: {head.status}")
        text(request("POST", path, base=""), 405, b"Method Not Allowed\n", f"POST {path}")
    policy = request("GET", "/console/", base="").header("content-security-policy")[0]
    expect("default-src 'none'" in policy and "unsafe" not in policy, policy)
    status = request("GET", "/console/status", base="").json
    expect(status["authentication"] is False and status["immudb"]["takesWrites"] is True, f"{status}")
    metrics = request("GET", "/metrics", base="").body.decode()
    expect('immugw_requests_total{route="/v1/immurestproxy/item/safe/get",status="200"} ' in metrics, metrics[:2000])
    expect("immugw_immudb_reachable 1" in metrics, metrics[:2000])


def data():
    for check in [empty_database, writes_and_reads, raw_values, references_and_sets, tree, dump, bad_input,
                  paths_and_methods, cross_origin, pages]:
        check()
        print("ok:", check.__name__)


# MARK: users


def users(password):
    login = {"user": b64(b"immu"), "password": b64(password.encode())}
    refused(post("/login", {"user": b64(b"immu"), "password": b64(b"wrong")}), 403, 7, "invalid user or password",
            "a wrong password")
    # R6: nobody becomes a user of the gateway's machine, nor the administration tool.
    refused(post("/login", {"user": b64(b"immu"), "password": b64(b"wrong")}, {"Grpc-Metadata-Client_id": "immuadmin"}),
            403, 7, "invalid user or password", "the administration tool by header")
    answer = post("/login", login)
    expect(answer.status == 200 and list(answer.json) == ["token"], f"login: {answer.status} {answer.body}")
    token = base64.b64decode(answer.json["token"]).decode()
    expect(token.startswith("v2.public."), "login: no token")
    missing = "no Authorization header found on request"
    calls = [("POST", "/item", {"key": "YQ=="}), ("POST", "/item/safe", {"kv": {"key": "YQ==", "value": "YQ=="}}),
             ("POST", "/item/safe/get", {"key": "YQ=="}), ("POST", "/item/scan", {}), ("GET", "/item/YQ==", None),
             ("GET", "/history/YQ==", None), ("POST", "/batch/set", {"KVs": [{"key": "YQ=="}]})]
    for method, path, body in calls:
        refused(request(method, path, body), 401, 16, missing, f"{path} without a token")
        refused(request(method, path, body, {"Authorization": "Bearer v2.public.nonsense"}), 401, 16, None, path)
        answer = request(method, path, body, {"Authorization": "Bearer " + token})
        expect(answer.status == 200, f"{path} with a token: {answer.status} {answer.body}")
    dump = post("/dump", {})
    error = {"error": {"grpc_code": 16, "http_code": 401, "message": missing, "http_status": "Unauthorized"}}
    expect((dump.status, dump.json) == (401, error), f"dump: {dump.status} {dump.body}")
    for path in ["/root", "/healthresponse"]:
        expect(get(path).status == 200, f"{path} is open")
    status = request("GET", "/console/status", base="").json
    expect(status["authentication"] is True, f"{status}")
    print("ok: users")


# MARK: away


def away():
    refused(get("/healthresponse"), 503, 14, None, "health")
    refused(post("/item/safe/get", {"key": "YQ=="}), 503, 14, None, "item/safe/get")
    refused(post("/item", {"key": "YQ=="}), 503, 14, None, "item")
    dump = post("/dump", {})
    expect(dump.status == 503 and dump.json["error"]["grpc_code"] == 14, f"dump: {dump.status} {dump.body}")
    for _ in range(50):  # immudb is asked every second
        ready = request("GET", "/readyz", base="")
        if ready.status == 503:
            break
        time.sleep(0.1)
    expect(ready.status == 503 and ready.body.startswith(b"not ready: immudb at "), f"readyz: {ready.body}")
    expect(request("GET", "/healthz", base="").status == 200, "healthz")
    print("ok: away")


{"data": data, "users": users, "away": away}[sys.argv[2]](*sys.argv[3:])
