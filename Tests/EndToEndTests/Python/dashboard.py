"""Checks the dashboard and the alert rules against a real scrape by Debian's Prometheus.

    dashboard.py METRICS-PORT PORT TOOLS DEPLOY FOLDER AUDITOR-PORT

TOOLS has prometheus and promtool. Ends with 0 if everything held; otherwise with the exception of the first check that failed.
"""

import json
import pathlib
import re
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

from immudb_wire import Client, schema

METRICS_PORT, PORT, AUDITOR_PORT = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[6])
TOOLS, DEPLOY, FOLDER = (pathlib.Path(argument) for argument in sys.argv[3:6])
RULES = DEPLOY / "prometheus" / "immudb.rules.yml"
# Series that appear only with their first sample.
LATER = {"immudb_failed_appends_total", "up"}


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def promtool(*arguments, **options):
    result = subprocess.run([TOOLS / "promtool", *arguments], capture_output=True, text=True, **options)
    expect(result.returncode == 0, f"promtool {arguments}: {result.stdout}{result.stderr}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def query(port, expression):
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(url, timeout=10) as answer:
        result = json.load(answer)
    expect(result["status"] == "success", (expression, result))
    return result["data"]["result"]


def expressions():
    """Returns the expressions of the dashboard, with its variables filled in, and of the rules."""
    dashboard = json.loads((DEPLOY / "grafana" / "immudb.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            text = target["expr"].replace("$__rate_interval", "1m").replace("$job", "immudb")
            yield panel["title"], text.replace("$instance", ".*")
    for line in RULES.read_text().splitlines():
        if match := re.match(r"\s+expr: (.*)", line):
            yield "rule", match[1]


promtool("check", "rules", RULES)
promtool("check", "config", DEPLOY / "prometheus" / "prometheus.yml")

client = Client(PORT)
for number in range(20):
    client.stub.Set(schema.KeyValue(key=b"k%d" % number, value=b"v"))
    client.stub.Get(schema.Key(key=b"k%d" % number))

configuration = FOLDER / "prometheus.yml"
configuration.write_text(f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ['{RULES}']
scrape_configs:
  - job_name: immudb
    static_configs: [{{targets: ['127.0.0.1:{METRICS_PORT}']}}]
  - job_name: immudb-auditor
    static_configs: [{{targets: ['127.0.0.1:{AUDITOR_PORT}']}}]
""")
port = free_port()
with open(FOLDER / "prometheus.log", "w") as log:
    prometheus = subprocess.Popen(
        [TOOLS / "prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={FOLDER / 'tsdb'}",
         f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
try:
    for _ in range(300):
        time.sleep(0.1)
        try:
            if len(query(port, "immudb_uptime_hours[1m]")) and len(query(port, "count_over_time(up[1m]) > 2")) == 2:
                break
        except OSError:
            expect(prometheus.poll() is None, (FOLDER / "prometheus.log").read_text())
    for job in ("immudb", "immudb-auditor"):
        expect(query(port, f'up{{job="{job}"}}')[0]["value"][1] == "1", f"the scrape of {job} failed")
    known = set()
    for title, expression in expressions():
        query(port, expression)  # Prometheus understands it
        for name in re.findall(r"\b(?:immudb|immuclient|grpc|process)_[a-z_]+", expression):
            if name in LATER or name in known or name in ("grpc_method", "grpc_code"):
                continue
            expect(query(port, name), f"{title}: there is no {name}")
            known.add(name)
    expect(len(known) > 12, known)
    expect(query(port, "ALERTS") == [], query(port, "ALERTS"))
    expect(float(query(port, "immudb_puts_total")[0]["value"][1]) == 20, "puts")
finally:
    prometheus.terminate()
    prometheus.wait(20)
print("ok")
