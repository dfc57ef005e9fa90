"""The descriptions of the REST interface against a running gateway: all three are valid, and what the gateway answers to
generated requests, good and hostile ones, is what /openapi.json says.

    rest_schema.py GATEWAY-URL USER PASSWORD [--examples 30] [--seed 1]

Ends with 0 if everything held; otherwise with the exception that says what did not.
"""

import argparse
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections import Counter, defaultdict

import jsonschema
import openapi_spec_validator

BASE = "/v1/immurestproxy"
DOCUMENTS = {
    "/openapi.json": openapi_spec_validator.OpenAPIV31SpecValidator,
    "/swagger.json": openapi_spec_validator.OpenAPIV2SpecValidator,
    "/gw.schema.swagger.json": openapi_spec_validator.OpenAPIV2SpecValidator,
    "/schema.swagger.json": openapi_spec_validator.OpenAPIV2SpecValidator,
}
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "unsupported_method", "ignored_auth",
)
# The whole run must end within this time, whatever is generated.
RUN_SECONDS = 240


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def b64(text):
    return base64.b64encode(text.encode()).decode()


class Gateway:
    def __init__(self, url):
        self.url = url.rstrip("/")
        self.token = None

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return answer.read()

    def send(self, path, data=None, **headers):
        """Returns the status and the body of an answer."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.url + BASE + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def call(self, path, body=None, **headers):
        status, text = self.send(path, None if body is None else json.dumps(body).encode(), **headers)
        return status, json.loads(text)

    def write(self, path, body):
        status, answer = self.call(path, body)
        expect(status == 200, f"{path}: {status} {answer}")
        return answer


def validate_documents(gateway):
    texts = {path: gateway.get(path) for path in DOCUMENTS}
    for path, validator in DOCUMENTS.items():
        validator(json.loads(texts[path])).validate()
        print(f"ok: {path} is valid, {len(texts[path])} bytes", flush=True)
    return json.loads(texts["/openapi.json"])


# MARK: data

KEYS = ["alpha", "beta", "gamma", "key with a slash \xff\xfe?"]


def fill(gateway):
    """Entries of every kind: with the gateway's time and raw, empty values, several of a key, references, sets."""
    for i, key in enumerate(KEYS):
        gateway.write("/item", {"key": b64(key), "value": b64(f"value {i}")})
        gateway.write("/item/safe", {"kv": {"key": b64(key), "value": b64(f"newer {i}")}})
        gateway.write("/zadd", {"set": b64("set"), "score": i - 0.5, "key": b64(key)})
    gateway.write("/item/safe", {"kv": {"key": b64("empty"), "value": ""}})
    gateway.write("/batch/set", {"KVs": [{"key": b64("raw"), "value": b64("\x08\xffraw")}, {"key": b64("raw 2")}]})
    gateway.write("/reference", {"reference": b64("second name"), "key": b64("alpha")})
    gateway.write("/safe/reference", {"ro": {"reference": b64("third name"), "key": b64("beta")}})
    gateway.write("/safe/zadd", {"zopts": {"set": b64("set"), "score": "Infinity", "key": b64("beta")}})


# What requests are tried with first, by the name of a field: with it every call has a good answer.
EXAMPLES = {
    "key": [b64("alpha"), b64("empty"), b64("raw"), b64("second name"), b64("nowhere")],
    "set": [b64("set"), b64("nowhere")],
    "reference": [b64("another name")],
    "prefix": [b64("a"), b64("raw")],
    "index": [3, 0, 2**64 - 1],
    "limit": [5],
    "pageSize": [3],
    "pageNumber": [1],
    "score": [1.5],
}


def with_examples(document, examples):
    """Adds examples to the fields and parameters of requests."""
    def visit(value):
        if isinstance(value, dict):
            for name, schema in value.get("properties", {}).items():
                if name in examples:
                    schema["examples"] = examples[name]
            if value.get("in") == "path":
                values = examples[value["name"]]
                if value["name"] != "index":
                    values = [one.replace("+", "-").replace("/", "_") for one in values]
                value["examples"] = {f"example{i}": {"value": one} for i, one in enumerate(values)}
            for inner in value.values():
                visit(inner)
        elif isinstance(value, list):
            for inner in value:
                visit(inner)
    visit(document["paths"])
    for name in schemas_of(document, "requestBody"):
        visit(document["components"]["schemas"][name])
    return document


def closed(document):
    """Forbids fields in answers that the document does not list."""
    for name in schemas_of(document, "responses"):
        close(document["components"]["schemas"][name])
    return document


def close(schema):
    if "properties" in schema:
        schema["additionalProperties"] = False
        for inner in schema["properties"].values():
            close(inner)


def schemas_of(document, part):
    """The names of the schemas that a part of operations refers to."""
    found = set()

    def visit(value):
        if isinstance(value, dict):
            reference = value.get("$ref")
            if reference and reference not in found:
                found.add(reference)
                place = document
                for name in reference[2:].split("/"):
                    place = place[name]
                visit(place)
            for inner in value.values():
                visit(inner)
        elif isinstance(value, list):
            for inner in value:
                visit(inner)
    for methods in document["paths"].values():
        for operation in methods.values():
            visit(operation.get(part))
    return {reference.rsplit("/", 1)[1] for reference in found if reference.startswith("#/components/schemas/")}


# MARK: generated requests

def run_schemathesis(document, gateway, chosen):
    """Runs schemathesis, and returns the statuses that each operation was answered with."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "openapi.json").write_text(json.dumps(document))
        report = folder / "report.ndjson"
        command = [
            sys.executable, "-m", "schemathesis.cli", "run", "openapi.json", "--url", gateway.url,
            "--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--mode", "all",
            "--max-examples", str(chosen.examples), "--seed", str(chosen.seed), "--generation-database", "none",
            "--generation-with-security-parameters", "false", "--suppress-health-check", "all",
            "--continue-on-failure", "--no-shrink", "--warnings", "off", "--no-color", "--request-timeout", "20",
            "--report", "ndjson", "--report-ndjson-path", str(report),
            "--header", f"Authorization: Bearer {gateway.token}",
        ]
        environment = os.environ | {
            "SCHEMATHESIS_HOOKS": "rest_schema_hooks", "PYTHONPATH": str(pathlib.Path(__file__).parent)}
        finished = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS)
        expect(finished.returncode == 0, f"schemathesis: {finished.stdout[-20_000:]}{finished.stderr[-4_000:]}")
        return statuses(report)


def statuses(report):
    """The statuses of all answers, counted by operation."""
    found = defaultdict(Counter)
    with open(report) as lines:
        for line in lines:
            recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
            for interaction in recorder.get("interactions", {}).values():
                if interaction["response"]:
                    found[recorder["label"]][interaction["response"]["status_code"]] += 1
    return found


def check_answers(found, document):
    """Expects that every operation was called with success, and was refused bad requests that it can refuse."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            counts = dict(sorted(found[name].items()))
            print(f"{operation['operationId']}: {counts}", flush=True)
            expect(counts.get(200, 0) > 0 and counts.get(400, 0) > 0, f"{name}: {counts}")


# MARK: what is not left to chance

def check_timeouts(gateway):
    for text in ("", "1", "S", "-1S", "1s", "1.5S", "+1S", "123456789S", "1S ,2S", "\u0661S".encode().decode("latin-1")):
        status, answer = gateway.call("/root", Grpc_Timeout=text)
        expect(status == 400 and answer["code"] == 3, f"{text!r}: {status} {answer}")
    for text in ("20S", "99999999H", "20000m", "20000000u", "1M"):
        expect(gateway.call("/root", Grpc_Timeout=text)[0] == 200, text)
    for text in ("0S", "1n"):
        status, answer = gateway.call("/root", Grpc_Timeout=text)
        expect(status == 504 and answer["code"] == 4, f"{text!r}: {status} {answer}")


def check_dump(gateway, document):
    """Every line of a dump is what the document says of lines."""
    answers = document["paths"][f"{BASE}/dump"]["post"]["responses"]["200"]["content"]["application/json"]
    schema = answers["x-itemSchema"] | {"components": document["components"]}
    validator = jsonschema.Draft202012Validator(schema)
    lines = gateway.send("/dump", b"{}")[1].splitlines()
    for line in lines:
        validator.validate(json.loads(line))
    expect(len(lines) > 0, "the dump is empty")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("url")
    parser.add_argument("user", help="whose token is sent; Login is a call like the others")
    parser.add_argument("password")
    parser.add_argument("--examples", type=int, default=30, help="generated requests of each operation")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    gateway = Gateway(chosen.url)
    document = validate_documents(gateway)
    user = {"user": b64(chosen.user), "password": b64(chosen.password)}
    gateway.token = base64.b64decode(gateway.write("/login", user)["token"]).decode()
    fill(gateway)
    check_timeouts(gateway)
    document = closed(document)
    check_dump(gateway, document)
    examples = EXAMPLES | {name: [value] for name, value in user.items()}
    found = run_schemathesis(with_examples(document, examples), gateway, chosen)
    check_answers(found, document)
    total = sum(sum(counts.values()) for counts in found.values())
    print(f"ok: {total} answers are as described")


main()
