"""How the console can be used: by the keyboard, on a phone, in the dark, by axe's rules, without motion."""

import pathlib
import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from console_browser import Visit
from console_pages import routes


def check_keyboard(browser, url, data, report, **options):
    """Everything by keys alone: first contact, search, entry, proof, receipt."""
    with Visit(browser, url, **options) as visit:
        visit.go("keys")
        visit.page.reload()
        visit.wait()
        press = visit.page.keyboard.press

        def tab_to(label, most=80):
            for _ in range(most):
                press("Tab")
                if visit.page.evaluate("document.activeElement === document.body"):
                    continue  # past the last one, the browser begins at the top
                focused = visit.page.evaluate(
                    "() => { const e = document.activeElement; return e.innerText || e.labels?.[0]?.innerText || ''; }")
                outline = visit.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", f"the focus on {focused!r} is not visible"
                if focused.strip() == label:
                    return
            raise AssertionError(f"Tab does not lead to {label!r}")

        tab_to("Skip to the content", most=1)
        press("Enter")
        assert visit.page.evaluate("document.activeElement.id") == "main"
        visit.page.evaluate("() => document.activeElement.blur()")
        visit.page.reload()
        visit.wait()
        tab_to("Trust")
        press("Enter")
        visit.wait()
        assert visit.page.evaluate("document.activeElement.tagName") == "H1", "the new page does not have the focus"
        tab_to("Trust this root")
        press("Enter")
        visit.expect_green()
        visit.page.reload()
        visit.wait()
        tab_to("Keys")
        press("Enter")
        visit.wait()
        tab_to("Keys that begin with")
        visit.page.keyboard.type(data.alice.decode())
        press("Enter")
        visit.wait()
        expect(visit.main().locator("tbody tr")).to_have_count(1)
        tab_to(data.alice.decode())
        press("Enter")
        visit.wait()
        tab_to("See the proof")
        press("Enter")
        visit.wait()
        expect(visit.main().get_by_text("The proof holds.")).to_be_visible()
        tab_to("Download the receipt")
        with visit.page.expect_download():
            press("Enter")
        tab_to("Trust", most=120)
    report("everything is reached and used by the keyboard alone, with a visible focus")


def check_looks(browser, url, data, report, screenshots=None, **options):
    """axe on each page in both schemes, and no page wider than the screen from 320 pixels on."""
    axe = Axe()
    for scheme in ("light", "dark"):
        for width in (320, 1280):
            with Visit(browser, url, width=width, scheme=scheme, **options) as visit:
                visit.go("trust")
                inspect(visit, axe, "first contact", scheme, width, screenshots)
                visit.trust()
                for name, route in routes(data).items():
                    visit.go(route)
                    expect(visit.main().get_by_text("Proving …")).to_have_count(0)
                    inspect(visit, axe, name, scheme, width, screenshots)
                visit.page.evaluate("() => localStorage.setItem('immudb-console.server', 'someothernameofserver')")
                visit.page.evaluate("() => localStorage.setItem('immudb-console.root.someothernameofserver', "
                                    "localStorage.getItem(Object.keys(localStorage).find((k) => k.includes('.root.'))))")
                visit.go("tree")
                visit.expect_red("serverChanged")
                inspect(visit, axe, "alarm", scheme, width, screenshots)
            report(f"no page has a fault by axe or is too wide: {scheme}, {width} pixels")


def inspect(visit, axe, name, scheme, width, screenshots):
    if screenshots:
        visit.page.screenshot(path=pathlib.Path(screenshots) / f"{name.replace(' ', '-')}-{scheme}-{width}.png", full_page=True)
    wide = visit.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"{name} is {wide} pixels wide at {width}"
    empty = re.search(r"\b(null|undefined|NaN)\b|\[object", visit.page.locator("body").inner_text())
    assert not empty, f"{name} shows {empty[0]!r}"
    result = axe.run(visit.page)
    faults = [f"{fault['id']}: {fault['nodes'][0]['html'][:200]} {fault['nodes'][0].get('failureSummary', '')}"
              for fault in result.response["violations"]]
    assert not faults, f"{name}, {scheme}, {width}: {faults}"


def check_motion(browser, url, data, report, **options):
    def animation(motion):
        with Visit(browser, url, motion=motion, **options) as visit:
            visit.trust()
            visit.go(f"proof/{data.alice_indexes[0]}")
            step = visit.page.locator(".steps > li").first
            expect(step).to_be_visible()
            return step.evaluate("(e) => getComputedStyle(e).animationName")
    assert animation("reduce") == "none" and animation("no-preference") == "appear"
    report("nothing moves for a person who asked for that")
