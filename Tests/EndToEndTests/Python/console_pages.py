"""What the pages of the console show: content, hostile content, login."""

import pathlib
import re
import subprocess
import sys
import tempfile

from playwright.sync_api import expect

from console_browser import Visit, link


def routes(data):
    """Every page, by a name for it."""
    return {
        "keys": f"keys?prefix={data.tag.decode()}", "entry": f"entry/{link(data.alice)}",
        "index": f"index/{data.member_index}", "proof": f"proof/{data.alice_indexes[1]}", "tree": "tree",
        "sets": f"sets?set={data.set.decode().replace(' ', '+')}", "status": "status", "trust": "trust",
    }


def check_first_contact(browser, url, writer, report, **options):
    with Visit(browser, url, **options) as visit:
        visit.go("proof/0")
        expect(visit.state()).to_have_text("Nothing trusted yet")
        expect(visit.main().get_by_role("heading", name="First contact")).to_be_visible()
        text = visit.main().inner_text()
        root = writer.root()
        assert root in text and writer.identity() in text, text
        assert visit.trusted() is None, "something is trusted without a word of the person"
        visit.page.click("text=Trust this root")
        expect(visit.main().get_by_text("The proof holds.")).to_be_visible()
        visit.expect_green()
        assert visit.trusted() == root, (visit.trusted(), root)
    report("first contact shows root, size and identity, and trusts nothing by itself")
    with Visit(browser, url, **options) as visit:
        visit.go("trust")
        visit.page.fill("#brought-root", "nonsense")
        visit.page.click("text=Trust it if the server continues it")
        expect(visit.main().get_by_text("That is not a root.")).to_be_visible()
        visit.page.fill("#brought-root", root)
        visit.page.click("text=Trust it if the server continues it")
        visit.expect_green()
    report("a root that a person brings is trusted when the server continues it")
    with Visit(browser, url, **options) as visit:
        visit.go("trust")
        size = root.split("@")[1]
        visit.page.fill("#brought-root", f"{'ab' * 32}@{size}")
        visit.page.click("text=Trust it if the server continues it")
        visit.expect_red("consistencyFailed", ("ab" * 32,))
        assert visit.trusted() is None
    report("red: a root that a person brings and that is not of this server")


def check_empty(browser, url, writer, report):
    """A server without entries is trusted, too: every tree continues the empty one."""
    with Visit(browser, url) as visit:
        visit.go("tree")
        visit.page.click("text=Trust this root")
        expect(visit.main().get_by_text("There are no entries yet.")).to_be_visible()
        assert visit.trusted().endswith("@0"), visit.trusted()
        visit.page.click("text=Pause updates")
        for number in range(3):
            writer.set(b"first %d" % number, b"x")
        visit.go("proof/1")
        expect(visit.main().get_by_text("The trusted tree was empty")).to_be_visible()
        assert visit.trusted() == writer.root()
        visit.go("proof/9")
        expect(visit.main().get_by_text("Index not found")).to_be_visible()
        visit.expect_green_when_resumed()
    report("an empty tree is a beginning, and an index beyond the tree is no alarm")


def check_pages(browser, url, writer, data, report, **options):
    with Visit(browser, url, **options) as visit:
        visit.trust()
        pages = routes(data)

        visit.go(pages["keys"])
        expect(visit.main().locator("tbody tr")).to_have_count(25)
        shown = []
        for _ in range(10):
            shown += visit.main().locator("tbody tr td:nth-child(2)").all_inner_texts()
            if not visit.page.get_by_role("link", name="Next page").count():
                break
            visit.page.get_by_role("link", name="Next page").click()
            visit.wait()
        assert [f"{data.tag.decode()}k{n:02d}" for n in range(60)] == [key for key in shown if re.search(r"k\d\d$", key)], shown
        last = visit.main().locator("tbody tr td:nth-child(2)").first.inner_text()
        visit.page.get_by_role("link", name="Previous page").click()
        visit.wait()
        assert visit.main().locator("tbody tr td:nth-child(2)").last.inner_text() == shown[shown.index(last) - 1]
        visit.go(f"keys?prefix={data.tag.hex()}&as=hex")
        visit.page.click("text=Prove these entries")
        expect(visit.main().get_by_text("All 25 entries are proven")).to_be_visible()
        expect(visit.page.locator(".badge.good")).to_have_count(25)
        report("keys are found by prefix, as text and hexadecimal, page by page, and proven on the spot")

        visit.go(pages["entry"])
        expect(visit.main().get_by_text("Proven.", exact=True)).to_be_visible()
        expect(visit.main().locator("pre.value")).to_have_text("version 2")
        rows = visit.main().locator("table tbody tr")
        assert rows.locator("td:nth-child(1)").all_inner_texts() == [str(i) for i in reversed(data.alice_indexes)]
        assert rows.locator("td:nth-child(2)").all_inner_texts() == ["version 2", "version 1", "version 0"]
        visit.go(f"entry/{link(data.current)}")
        expect(visit.main().get_by_text("reference to")).to_be_visible()
        expect(visit.main().locator("dd", has_text="reference to")).to_contain_text(data.alice.decode())
        visit.go(f"index/{data.member_index}")
        kind = visit.main().locator("dd", has_text="probably a member of the set")
        expect(kind).to_contain_text(data.set.decode())
        expect(kind).to_contain_text("score 7")
        visit.go(f"entry/{link(data.tag + b'nothing')}")
        expect(visit.main().get_by_text("There is no entry of the key")).to_be_visible()
        report("an entry has its value, history, reference and set")

        visit.go(pages["sets"])
        keys = visit.main().locator("tbody td:nth-child(2)").all_inner_texts()
        assert keys == [(data.tag + name).decode() for name in (b"k02", b"k01", b"alice")], keys
        report("a sorted set has its members by score")

        check_proof(visit, data)
        report("a proof is drawn, its steps lead to the root, and its receipt holds elsewhere")

        visit.go("tree")
        size = writer.size()
        expect(visit.main().get_by_text(f"The last 10 entries").first).to_be_visible()
        first = visit.main().locator("tbody td:nth-child(1)").all_inner_texts()
        assert first == [str(size - 1 - n) for n in range(10)], first
        writer.set(data.tag + b"live", b"written while the page is open")
        expect(visit.page.locator(".log li").first).to_contain_text(f"{size:,} → {size + 1:,} entries")
        expect(visit.main().locator("tbody td:nth-child(1)").first).to_have_text(str(size))
        assert visit.trusted().split("@")[1] == str(size + 1)
        report("the tree is shown as it grows")

        visit.go("status")
        expect(visit.main().get_by_text("0.6.0").first).to_be_visible()
        expect(visit.main().locator("dd", has_text=writer.identity())).to_be_visible()
        expect(visit.main().locator("tr", has_text="Requests").locator("td").nth(1)).to_contain_text("/ s")
        report("the status has the gateway's numbers and rates")

        visit.page.evaluate("() => { Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
                            " document.dispatchEvent(new Event('visibilitychange')); }")
        visit.page.wait_for_timeout(500)
        before = len(visit.requests)
        visit.page.wait_for_timeout(4_500)
        assert len(visit.requests) == before, visit.requests[before:]
        report("a hidden page asks for nothing")


def check_proof(visit, data):
    index = data.alice_indexes[1]
    visit.go(f"proof/{index}")
    expect(visit.main().get_by_text("The proof holds.")).to_be_visible()
    steps = visit.page.locator("section.proof ol.steps > li")
    count = steps.count()
    assert visit.page.locator("svg.drawing .node.sibling").count() == count - 1 > 3
    root = visit.trusted().split("@")[0]
    assert steps.last.locator("code.match").inner_text() == root
    name, text = visit.download("Download the receipt")
    assert name.endswith(f"-{index}.txt"), name
    assert f"index: {index}\nkey: {data.alice.hex()}\n" in text and f"root: {root}\n" in text, text
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / name
        file.write_text(text, encoding="utf-8")
        check = pathlib.Path(__file__).with_name("check_receipt.py")
        subprocess.run([sys.executable, check, file], check=True, stdout=subprocess.DEVNULL)


def check_hostile(browser, url, data, report, **options):
    with Visit(browser, url, **options) as visit:
        visit.trust()
        routes = [f"keys?prefix={data.tag.decode()}{letter}" for letter in ("<", "r", "z", "l", "h")]
        routes += [f"keys?prefix={(data.tag + bytes([255])).hex()}&as=hex", "tree"]
        for index in data.hostile_indexes.values():
            routes += [f"index/{index}", f"proof/{index}"]
        routes += [f"entry/{link(key)}" for key in (*data.hostile, *data.odd)]
        for route in routes:
            visit.go(route)
            visit.expect_green()
            expect(visit.page.locator("main tbody tr, main pre.value").first).to_be_visible()
            assert visit.page.locator("main img, main script, main iframe, main [onerror], main [style]").count() == 0, route
            raw = re.search(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\u3000]", visit.main().inner_text())
            assert not raw, (route, raw)
            width = visit.page.evaluate("document.documentElement.scrollWidth")
            assert width <= visit.page.viewport_size["width"], (route, width)
            assert len(visit.page.content()) < 400_000, route
        turned = data.tag + "rtl \u202etxt.exe".encode()
        visit.go(f"index/{data.hostile_indexes[turned]}")
        text = visit.main().inner_text()
        assert "U+202E" in text and "\\x00" in text and "U+2066" in text, text
    report("hostile keys and values are text, shortened, with their hidden characters named")


def check_forgetting(browser, proxy, report, **options):
    """A root that is damaged or gone is no first contact; forgetting it is an act of the person."""
    proxy.honest()
    for damage, word in (("setItem", "damaged"), ("removeItem", "gone")):
        with Visit(browser, proxy.url, **options) as visit:
            visit.trust()
            visit.page.evaluate(f"() => localStorage.{damage}(Object.keys(localStorage).find((k) => k.includes('.root.')), 'x')")
            visit.page.reload()
            assert word in visit.expect_red("trustedRootUnusable")
            visit.go("trust")
            visit.page.click("button:text('Forget the trusted root')")
            visit.page.click("text=Keep it")
            visit.page.click("button:text('Forget the trusted root')")
            visit.page.click("button:text-is('Forget it')")
            visit.wait()
            visit.page.click("text=Acknowledge and go on")
            visit.page.click("text=Trust this root")
            visit.expect_green()
    with Visit(browser, proxy.url, **options) as visit:
        visit.trust()
        proxy.identity = "dc1jror8di1986gclkv9"
        visit.expect_red("serverChanged")
        visit.page.click("text=Acknowledge and go on")
        visit.expect_red("serverChanged")
        visit.go("trust")
        visit.page.click("button:text('Forget the trusted root')")
        visit.page.click("button:text-is('Forget it')")
        visit.wait()
        visit.page.click("text=Acknowledge and go on")
        expect(visit.main()).to_contain_text("dc1jror8di1986gclkv9")
        visit.page.click("text=Trust this root")
        visit.expect_green()
    proxy.honest()
    report("a damaged root and another server stay red until a person forgets what was trusted")


def check_login(browser, url, user, password, writer, report):
    with Visit(browser, url) as visit:
        visit.go("keys")
        expect(visit.page.get_by_role("heading", name="Log in")).to_be_visible()
        visit.page.fill("#login-user", user)
        visit.page.fill("#login-password", "wrong")
        visit.page.click("button:text-is('Log in')")
        expect(visit.main().get_by_role("alert")).to_contain_text("Not logged in")
        visit.page.fill("#login-password", password)
        visit.page.click("button:text-is('Log in')")
        expect(visit.page.get_by_role("form", name="Search keys")).to_be_visible()
        kept = visit.page.evaluate("() => JSON.stringify(localStorage) + document.cookie")
        token = visit.page.evaluate("() => sessionStorage.getItem('immudb-console.token')")
        assert token and token not in kept, "the token outlives the tab"
        visit.go("proof/0")
        visit.page.click("text=Trust this root")
        expect(visit.main().get_by_text("The proof holds.")).to_be_visible()
        visit.page.evaluate("() => sessionStorage.setItem('immudb-console.token', 'expired')")
        visit.go("keys")
        expect(visit.page.get_by_role("heading", name="Log in again")).to_be_visible()
        visit.page.fill("#login-user", user)
        visit.page.fill("#login-password", password)
        visit.page.click("button:text-is('Log in')")
        expect(visit.page.get_by_role("form", name="Search keys")).to_be_visible()
        visit.page.click("text=Log out")
        expect(visit.page.get_by_role("heading", name="Log in", exact=True)).to_be_visible()
        assert visit.page.evaluate("() => sessionStorage.length") == 0
    report("login, an expired token, logout")


def check_insecure(browser, url, report, **options):
    """Over plain http from another machine there is no WebCrypto."""
    port = url.rsplit(":", 1)[1]
    with Visit(browser, f"http://console.test:{port}", **options) as visit:
        visit.go("keys")
        expect(visit.page.get_by_role("heading", name="Proofs cannot be checked here")).to_be_visible()
        expect(visit.state()).to_have_text("Proofs cannot be checked")
        expect(visit.main().locator("tbody tr").first).to_be_visible()
        visit.go("proof/0")
        expect(visit.main().get_by_text("Proofs cannot be checked here: this page is not secure")).to_be_visible()
    report("without a secure context the page says why it cannot check proofs")
