"""The console against a gateway that lies: every lie turns the page red and names the entry; the truth stays green."""

import base64
import json

from playwright.sync_api import expect

from console_browser import Visit, link
from console_data import text
from console_ledger import Ledger
from console_tree import leaf_digest


def flipped(data):
    """The same base64 with one bit changed."""
    changed = bytearray(base64.b64decode(data))
    changed[len(changed) // 2] ^= 1
    return base64.b64encode(changed).decode()


def on(route, change):
    """A change of the answers of the routes that begin so."""
    def tamper(called, answer):
        if called.startswith(route):
            change(answer)
    return tamper


def flips(*names):
    def change(answer):
        for name in names:
            answer[name] = [flipped(answer[name][0]), *answer[name][1:]] if name == "path" else flipped(answer[name])
    return change


def lies(data, writer):
    """Name, how the proxy is set, the page, the failed check, and what the alarm has to name."""
    index = data.alice_indexes[1]
    entry = (f"index {index}", data.alice.decode())
    other = str(data.alice_indexes[0])
    proof = f"proof/{index}"

    def tamper(route, change):
        return lambda proxy: setattr(proxy, "tamper", on(route, change))

    def ledger(make):
        def arrange(proxy):
            proxy.ledger = make()
        return arrange

    def copy(change):
        return change(Ledger(writer.identity(), writer.entries()))

    def set_to(**fields):
        return lambda answer: answer.update(fields)

    def last_only(answer):
        answer["index"] = str(int(answer["index"]) - 1)

    yield "another value", tamper("item/index/", flips("value")), proof, "leafMismatch", entry
    yield "another value and its leaf", lambda proxy: setattr(proxy, "tamper", both(index, data.alice)), proof, \
        "inclusionFailed", entry
    yield "another leaf", tamper("inclusionproof/", flips("leaf")), proof, "leafMismatch", entry
    yield "a changed node of the path", tamper("inclusionproof/", flips("path")), proof, "inclusionFailed", entry
    yield "another root in the proof", tamper("inclusionproof/", flips("root")), proof, "inclusionFailed", entry
    yield "a path that is one node short", tamper("inclusionproof/", lambda a: a["path"].pop()), proof, "malformedProof", entry
    yield "a path that is one node long", tamper(
        "inclusionproof/", lambda a: a["path"].append(a["path"][0])), proof, "malformedProof", entry
    yield "a node of 31 bytes", tamper(
        "inclusionproof/", lambda a: a["path"].__setitem__(0, text(bytes(31)))), proof, "malformedProof", entry
    yield "an index that is no number", tamper("inclusionproof/", set_to(at="many")), proof, "malformedProof", entry
    yield "the proof of another index", tamper("inclusionproof/", set_to(index=other)), proof, "wrongIndex", entry
    yield "the entry of another index", tamper("item/index/", set_to(index=other)), proof, "wrongIndex", (f"index {index}",)
    yield "another key", tamper("item/index/", set_to(key=text(b"mallory"))), proof, "leafMismatch", (f"index {index}", "mallory")
    yield "a history of another key", tamper("history/", lambda a: a["items"][0].update(key=text(b"mallory"))), \
        f"entry/{link(data.alice)}", "wrongKey", (data.alice.decode(),)
    yield "a get of another key", tamper("item/", set_to(key=text(b"mallory"))), \
        f"entry/{link(data.alice)}", "wrongKey", (data.alice.decode(),)
    yield "a history with another value", tamper(
        "history/", lambda a: a["items"][0]["value"].update(payload=text(b"forged"))), \
        f"entry/{link(data.alice)}", "answersDiffer", (f"index {data.alice_indexes[2]}", data.alice.decode())
    yield "a list with a key that was not asked for", tamper("item/scan", lambda a: a["items"][1].update(key=text(b"\x01"))), \
        f"keys?prefix={data.tag.decode()}", "wrongKey", ("\\x01",)
    yield "another root of the same size", tamper("root", flips("root")), "tree", "consistencyFailed", ("the tree",)
    yield "a smaller tree", tamper("root", last_only), "tree", "treeShrank", ("the tree",)
    yield "another server", lambda proxy: setattr(proxy, "identity", "dc1jror8di1986gclkv9"), "tree", "serverChanged", \
        ("dc1jror8di1986gclkv9",)
    yield "a history that was cut", ledger(lambda: copy(lambda one: one.cut(len(one.entries) - 3))), proof, \
        "treeShrank", entry
    yield "a fork that is older than the trusted root", ledger(lambda: copy(lambda one: one.fork(0, b"forked"))), proof, \
        "consistencyFailed", entry

    def forked(one):
        fork = one.fork(index, b"forked")
        fork.append(b"more", b"after the fork")
        return fork
    yield "a fork that has grown", ledger(lambda: copy(forked)), proof, "consistencyFailed", entry


def both(index, key):
    """Another value, with the leaf that belongs to it."""
    def tamper(called, answer):
        if called.startswith("item/index/"):
            answer["value"] = text(b"forged")
        if called.startswith("inclusionproof/"):
            answer["leaf"] = text(leaf_digest(index, key, b"forged"))
    return tamper


def check_lies(browser, proxy, data, writer, report, **options):
    """Each lie, in a browser of its own that has met the honest server before."""
    for name, arrange, route, check, named in lies(data, writer):
        proxy.honest()
        with Visit(browser, proxy.url, **options) as visit:
            visit.trust()
            # The page that is opened is to find the lie, not the update that the browser makes every few seconds.
            visit.page.click("text=Pause updates")
            visit.go("keys")
            trusted = visit.trusted()
            arrange(proxy)
            visit.go(route)
            said = visit.expect_red(check, named)
            assert trusted in said or check in ("wrongKey", "answersDiffer", "malformedProof"), said
            assert visit.trusted() == trusted, "the trusted root has moved"
            expect(visit.main().get_by_text("The proof holds.")).to_have_count(0)
        report(f"red: {name} ({check})")
    proxy.honest()


def check_alarm(browser, proxy, data, report, **options):
    """The alarm stays over reloads, other pages and tabs, with its evidence, until it is acknowledged."""
    index = data.alice_indexes[1]
    proxy.honest()
    with Visit(browser, proxy.url, **options) as visit:
        visit.trust()
        other = visit.open()
        visit.go("keys", other)
        trusted = visit.trusted()
        proxy.tamper = on("inclusionproof/", flips("root"))
        visit.go(f"proof/{index}")
        visit.expect_red("inclusionFailed")
        assert visit.page.evaluate("document.activeElement.id") == "alarm-heading", "the alarm does not have the focus"
        expect(other.locator(".alarm")).to_be_visible()
        proxy.honest()
        visit.page.reload()
        visit.expect_red("inclusionFailed", (f"index {index}",))
        visit.go("status")
        visit.expect_red("inclusionFailed", (f"index {index}",))
        name, text = visit.download("Download the evidence")
        evidence = json.loads(text)
        assert name.startswith("immudb-evidence-") and name.endswith(".json"), name
        assert evidence["immudbConsoleEvidence"] == 1 and evidence["check"] == "inclusionFailed", evidence
        assert evidence["index"] == index and bytes.fromhex(evidence["key"]) == data.alice, evidence
        assert f"{evidence['trusted']['root']}@{evidence['trusted']['size']}" == trusted, evidence
        assert evidence["claimed"]["root"] != evidence["trusted"]["root"], evidence
        assert any("inclusionproof" in one["method"] and "path" in one["response"] for one in evidence["exchanges"]), evidence
        visit.page.click("text=Acknowledge and go on")
        visit.expect_green()
        expect(other.locator(".alarm")).to_have_count(0)
        visit.go(f"proof/{index}")
        expect(visit.main().get_by_text("The proof holds.")).to_be_visible()
    report("the alarm stays until it is acknowledged, in all tabs, with its evidence")


def check_growth(browser, proxy, data, writer, report, **options):
    """Writes between any two calls: everything stays green, and the trusted root moves."""
    proxy.honest()
    with Visit(browser, proxy.url, **options) as visit:
        visit.trust()
        trusted = visit.trusted()

        def write(method, route):
            if route.startswith(("consistencyproof/", "inclusionproof/", "root", "item/index/")):
                writer.set(data.tag + b"growth", route.encode())
        proxy.before = write
        for index in (data.alice_indexes[1], data.member_index, 0):
            visit.go(f"proof/{index}")
            expect(visit.main().get_by_text("The proof holds.")).to_be_visible()
        visit.go("tree")
        expect(visit.page.locator(".log li").nth(1)).to_be_visible()
        visit.expect_green()
        proxy.honest()
        assert int(visit.trusted().split("@")[1]) > int(trusted.split("@")[1]), "the trusted root has not moved"
        visit.go("trust")
        visit.page.fill("#brought-root", trusted)
        visit.page.click("button:text-is('Compare')")
        expect(visit.main().get_by_text("Both are one history")).to_be_visible()
        visit.expect_green()
    report("growth between any two calls stays green")
