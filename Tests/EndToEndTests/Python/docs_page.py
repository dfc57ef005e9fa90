"""The gateway's page of its REST interface in a real Chromium: every call has a form, and what the forms send is right.

    docs_page.py GATEWAY-URL USER PASSWORD [--screenshots FOLDER]

Ends with 0 if everything held; otherwise with the exception that says what did not.
"""

import argparse
import base64
import json
import pathlib
import shlex

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from console_browser import Visit, chromium

# What shells, HTML and base64 have rules of their own for.
HOSTILE = "it's \"$HOME\" `id` <img src=x onerror=alert(1)> ?\u00ff\u00fe~"
MAX_UINT64 = 2**64 - 1


class Docs:
    def __init__(self, visit):
        self.page = visit.page
        self.page.goto(visit.url + "/docs")
        expect(self.page.locator("details.call").first).to_be_visible()

    def call(self, operation):
        """Opens the form of a call."""
        call = self.page.locator(f"details.call#{operation}")
        if call.get_attribute("open") is None:
            call.locator("> summary").click()
        expect(call.get_by_role("button", name="Send")).to_be_visible()
        return call

    def send(self, operation, fields, status):
        """Fills in a form and sends it; returns the texts of the answer's body and of the line for curl."""
        call = self.call(operation)
        for label, value in fields.items():
            inputs = call.get_by_label(label, exact=True)
            for one, text in zip(inputs.all(), value if isinstance(value, list) else [value], strict=True):
                if isinstance(text, bool):
                    one.set_checked(text)
                else:
                    one.fill(text)
        call.locator("[aria-live]").evaluate("(answer) => answer.replaceChildren()")
        call.get_by_role("button", name="Send").click()
        expect(call.locator(".status")).to_contain_text(str(status))
        return (call.get_by_label("The body of the answer").inner_text(),
                call.get_by_label("The call for curl").inner_text())

    def refuse(self, operation, label, text, reason):
        """Fills in something wrong, and expects that the page says so and sends nothing."""
        call = self.call(operation)
        call.get_by_label(label, exact=True).fill(text)
        call.get_by_role("button", name="Send").click()
        expect(call.get_by_role("alert")).to_contain_text(reason)
        expect(call.get_by_label(label, exact=True)).to_be_focused()
        assert call.get_by_label(label, exact=True).get_attribute("aria-invalid") == "true"


def login(docs, user, password):
    docs.send("Set", {"key": "k"}, 401)
    docs.send("Login", {"user": user, "password": "not this one"}, 403)
    docs.send("Login", {"user": user, "password": password}, 200)
    docs.page.get_by_role("button", name="Use this token").click()
    token = docs.page.get_by_label("Token").input_value()
    assert len(token) > 50 and " " not in token, "this is no token"
    stored = docs.page.evaluate("() => [localStorage.length, sessionStorage.length, document.cookie]")
    assert stored == [0, 0, ""], stored
    return token


def check_calls(docs, token):
    _, line = docs.send("SafeSet", {"key": HOSTILE, "value": "value"}, 200)
    arguments = shlex.split(line)
    assert token not in line and "Authorization: Bearer $TOKEN" in arguments, line
    body = json.loads(arguments[arguments.index("--data-binary") + 1])
    assert base64.b64decode(body["kv"]["key"]).decode() == HOSTILE, line
    assert body == {"kv": {"key": body["kv"]["key"], "value": "dmFsdWU="}}, line

    text, _ = docs.send("SafeGet", {"key": HOSTILE}, 200)
    assert json.loads(text)["verified"] is True
    expect(docs.call("SafeGet").get_by_text(HOSTILE, exact=True)).to_be_visible()
    _, line = docs.send("Get", {"key": HOSTILE}, 200)
    path = shlex.split(line)[-1].rsplit("/", 1)[1]
    assert base64.urlsafe_b64decode(path).decode() == HOSTILE, line

    docs.call("Get").get_by_label("key is given as").select_option("hex")
    docs.send("Get", {"key": HOSTILE.encode().hex()}, 200)
    docs.refuse("Get", "key", "abc", "not hexadecimal")
    docs.call("Get").get_by_label("key is given as").select_option("base64")
    docs.send("Get", {"key": base64.b64encode(HOSTILE.encode()).decode()}, 200)
    docs.refuse("Get", "key", "abc", "not base64")

    docs.call("SetBatch").get_by_role("button", name="Add another").click()
    docs.send("SetBatch", {"key": ["docs 1", "docs 2"], "value": ["<b>1</b>", ""]}, 200)
    text, _ = docs.send("Scan", {"prefix": "docs ", "reverse": True, "limit": "10"}, 200)
    assert [base64.b64decode(item["key"]) for item in json.loads(text)["items"]] == [b"docs 2", b"docs 1"], text
    docs.send("ZAdd", {"set": "docs", "score": "-1.5", "key": "docs 1"}, 200)
    docs.refuse("ZAdd", "score", "one", "not a number")
    docs.send("Inclusion", {"index": str(MAX_UINT64)}, 404)
    docs.refuse("Inclusion", "index", str(MAX_UINT64 + 1), "not a whole number")
    docs.refuse("Health", "Grpc-Timeout", "1 s", "does not match")
    docs.send("Health", {"Grpc-Timeout": "0S"}, 504)
    text, _ = docs.send("Dump", {}, 200)
    assert '"result": {' in text and '"kv": [' in text, text[:200]


def check_page(docs, url):
    """Every call of the document is there, can be found, and is opened by its address."""
    document = docs.page.request.get(url + "/openapi.json").json()
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert docs.page.locator("details.call").count() == len(names) == 22
    docs.page.get_by_label("Find a call").fill("safe zadd")
    expect(docs.page.locator("details.call:visible")).to_have_count(1)
    docs.page.get_by_label("Find a call").fill("")
    expect(docs.page.locator("details.call:visible")).to_have_count(len(names))
    docs.page.goto(url + "/docs#Consistency")
    expect(docs.call("Consistency").get_by_role("button", name="Send")).to_be_visible()
    return names


def check_looks(browser, url, screenshots):
    """axe's rules in both schemes, and no scrolling sideways from 320 pixels on, with every form open."""
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 320)):
        with Visit(browser, url, scheme=scheme, width=width) as visit:
            docs = Docs(visit)
            for name in check_page(docs, url):
                docs.call(name)
            docs.send("Health", {}, 200)
            docs.page.locator("details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
            result = Axe().run(docs.page)
            assert result.violations_count == 0, result.generate_report()
            wide = docs.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{width} pixels: the page is {wide} too wide"
            if screenshots:
                docs.page.screenshot(path=pathlib.Path(screenshots, f"docs-{scheme}-{width}.png"), full_page=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("url")
    parser.add_argument("user")
    parser.add_argument("password")
    parser.add_argument("--screenshots", help="a folder for pictures")
    chosen = parser.parse_args()
    url = chosen.url.rstrip("/")
    with chromium() as browser:
        with Visit(browser, url) as visit:
            docs = Docs(visit)
            token = login(docs, chosen.user, chosen.password)
            check_calls(docs, token)
        check_looks(browser, url, chosen.screenshots)
    print("ok: every call has a form, and the forms send what they say")


main()
