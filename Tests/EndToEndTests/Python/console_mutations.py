"""Every single change of the answers behind a proof: none is accepted, and none makes a page fail."""

import base64
import copy
import random

from playwright.sync_api import expect

from console_browser import Visit, link
from console_lies import flipped

# Of any type but the right one, or beyond what a number may be.
WRONG = (None, True, -1, 1.5, 10**30, "", "x", "-1", "18446744073709551616", [], {}, [None], "AA==")


def changes(value, place=()):
    """Changes of a JSON value: where, and what is there instead. Of lists, those of the first two elements."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from changes(part, (*place, name))
    elif isinstance(value, list):
        yield from ((place, other) for other in (value[1:], value[:-1], value + value[:1], value[::-1]) if other != value)
        for number, part in enumerate(value[:2]):
            yield from changes(part, (*place, number))
    else:
        yield from ((place, other) for other in WRONG if other != value)
        if isinstance(value, str) and value.isdigit():
            yield from ((place, str(int(value) + step)) for step in (-1, 1, 1 << 32))
        elif isinstance(value, str) and value:
            data = base64.b64decode(value)
            yield place, flipped(value)
            yield from ((place, base64.b64encode(other).decode()) for other in (data[:-1], data + b"\x00", data[::-1]))


def some(everything, count, draw):
    """That many of them, by the seed; all if `count` is 0."""
    everything = list(everything)
    return draw.sample(everything, min(count, len(everything))) if count else everything


def changed(answer, place, other):
    value = copy.deepcopy(answer)
    part = value
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = other
    return value


def recorded(proxy, routes, visit_page):
    """The true answers of routes, as a page asks for them."""
    seen = {}

    def tamper(route, answer):
        for prefix in routes:
            if route.startswith(prefix):
                seen.setdefault(prefix, copy.deepcopy(answer))
    proxy.tamper = tamper
    visit_page()
    proxy.honest()
    return seen


def replacing(prefix, other):
    def tamper(route, answer):
        if route.startswith(prefix):
            answer.clear()
            answer.update(other)
    return tamper


def settled(visit):
    """Waits until a page has shown what it could, and returns its text."""
    visit.wait()
    main = visit.main()
    for text in ("Proving …", "Asking for the proof"):
        expect(main.get_by_text(text)).to_have_count(0)
    return main.inner_text()


def check_mutations(browser, proxy, data, writer, report, seed, most, **options):
    """`most` changes of each answer, or all of them for 0."""
    draw = random.Random(seed)
    proxy.honest()
    index = data.alice_indexes[1]
    with Visit(browser, proxy.url, **options) as visit:
        visit.trust()
        # Without updates the trusted root stays behind the tree, so that each proof needs a link.
        visit.page.click("text=Pause updates")
        visit.go("keys")
        trusted = visit.trusted()
        writer.set(data.tag + b"after", b"the trusted root")
        # The page is taken in its own form, since a proof that holds moves the root.
        with Visit(browser, proxy.url, **options) as other:
            other.trust()
            writer.set(data.tag + b"after", b"the other one, too")
            other.page.click("text=Pause updates")
            answers = recorded(
                proxy, ("item/index/", "inclusionproof/", "consistencyproof/"), lambda: other.go(f"proof/{index}"))
        count = 0
        for prefix in ("item/index/", "inclusionproof/"):
            for place, value in some(changes(answers[prefix]), most, draw):
                count += refused(visit, proxy, prefix, changed(answers[prefix], place, value), index, trusted, place)
        # The proof of consistency begins at this browser's own root.
        first = int(trusted.split("@")[1]) - 1
        truth = writer.call("GET", f"consistencyproof/{first}")
        for place, value in some(changes(truth), most, draw):
            count += refused(visit, proxy, "consistencyproof/", changed(truth, place, value), index, trusted, place)
        proxy.honest()
        visit.go(f"proof/{index}")
        assert "The proof holds." in settled(visit)
        assert visit.trusted() != trusted
    report(f"{count} single changes of the answers behind a proof are refused")


def refused(visit, proxy, prefix, answer, index, trusted, place):
    """Whether this answer was refused: it must be."""
    proxy.tamper = replacing(prefix, answer)
    # Another page between, so that the address changes.
    visit.page.evaluate("() => { location.hash = '#/nothing'; }")
    visit.go(f"proof/{index}")
    text = settled(visit)
    assert "The proof holds." not in text, (prefix, place, answer)
    assert visit.trusted() == trusted, ("the root moved", prefix, place, answer)
    assert visit.alarm().count() == 1, (prefix, place, answer, text)
    visit.page.evaluate("() => { localStorage.removeItem('immudb-console.alarm'); }")
    visit.page.click("text=Acknowledge and go on")
    proxy.honest()
    return 1


def check_forms(browser, proxy, data, report, seed, most, **options):
    """Answers of any other form are told, and never make a page fail."""
    proxy.honest()
    pages = {
        "item/scan": f"keys?prefix={data.tag.decode()}", "zscan": f"sets?set={data.set.decode().replace(' ', '+')}",
        "history/": f"entry/{link(data.alice)}", "root": "tree", "item/index/": f"index/{data.alice_indexes[0]}",
    }
    count = 0
    draw = random.Random(seed)
    with Visit(browser, proxy.url, **options) as visit:
        visit.trust()
        visit.page.click("text=Pause updates")
        for prefix, route in pages.items():
            truth = recorded(proxy, (prefix,), lambda: visit.go(route))[prefix]
            for place, value in some(changes(truth), most, draw):
                proxy.tamper = replacing(prefix, changed(truth, place, value))
                visit.page.evaluate("() => { location.hash = '#/nothing'; }")
                visit.go(route)
                text = settled(visit)
                assert "this page failed" not in text.lower() and not visit.faults, (route, place, value, text, visit.faults)
                count += 1
                proxy.honest()
                if visit.alarm().count():
                    visit.page.click("text=Acknowledge and go on")
    report(f"{count} changes of other answers make no page fail")
