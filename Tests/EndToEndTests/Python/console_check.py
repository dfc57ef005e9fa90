"""The console of immugw in a real Chromium: what it shows, what it verifies, and that every lie turns it red.

    console_check.py [--url http://127.0.0.1:3323] [--user immu --password …] [--only lies,looks] [--changes 0 --seed 7]
                     [--screenshots FOLDER]

With --url, entries are written through the gateway there, below a prefix of their own, and its answers are changed on their
way to the browser by a proxy. Without, all runs against a stub of the gateway. Ends with 0 if everything held; otherwise
with the exception that says what did not.
"""

import argparse
import secrets
import time

import console_access
import console_lies
import console_merkle
import console_mutations
import console_pages
from console_browser import chromium
from console_data import Writer, populate
from console_ledger import Ledger
from console_proxy import StubGateway, TamperingProxy

PARTS = ("merkle", "contact", "empty", "pages", "hostile", "keyboard", "growth", "lies", "mutations", "forms", "alarm", "forget",
         "looks", "motion", "insecure", "login")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", help="of a gateway; without it, of a stub")
    parser.add_argument("--user", help="who logs in at the gateway, if it asks for users")
    parser.add_argument("--password")
    parser.add_argument("--sources", action="store_true", help="serve the console from the sources, not from the gateway")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--chromium", help="the browser's executable")
    parser.add_argument("--screenshots", help="a folder for pictures of all pages")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="chooses the changes of answers")
    parser.add_argument("--changes", type=int, default=12, help="of each answer, so many changes; 0: all")
    chosen = parser.parse_args()
    chosen.parts = chosen.only.split(",")
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(unknown)}")
    return chosen


def report(line):
    print(f"ok: {line}", flush=True)


def main():
    chosen = arguments()
    print(f"seed {chosen.seed}", flush=True)
    upstream = chosen.url or StubGateway().url
    writer = Writer(upstream)
    options = {}
    draw = {"seed": chosen.seed, "most": chosen.changes}
    if chosen.user:
        writer.login(chosen.user, chosen.password)
        options["login"] = (chosen.user, chosen.password)
    data = populate(writer, b"console-%s-" % secrets.token_hex(3).encode())
    proxy = TamperingProxy(upstream, serves_assets=chosen.sources)
    with chromium(chosen.chromium) as browser:
        checks = {
            "merkle": lambda: console_merkle.check_merkle(browser, proxy.url, report),
            "contact": lambda: console_pages.check_first_contact(browser, proxy.url, writer, report, **options),
            "empty": lambda: check_empty(browser),
            "pages": lambda: console_pages.check_pages(browser, proxy.url, writer, data, report, **options),
            "hostile": lambda: console_pages.check_hostile(browser, proxy.url, data, report, **options),
            "keyboard": lambda: console_access.check_keyboard(browser, proxy.url, data, report, **options),
            "growth": lambda: console_lies.check_growth(browser, proxy, data, writer, report, **options),
            "lies": lambda: console_lies.check_lies(browser, proxy, data, writer, report, **options),
            "mutations": lambda: console_mutations.check_mutations(browser, proxy, data, writer, report, **draw, **options),
            "forms": lambda: console_mutations.check_forms(browser, proxy, data, report, **draw, **options),
            "alarm": lambda: console_lies.check_alarm(browser, proxy, data, report, **options),
            "forget": lambda: console_pages.check_forgetting(browser, proxy, report, **options),
            "looks": lambda: console_access.check_looks(browser, proxy.url, data, report, chosen.screenshots, **options),
            "motion": lambda: console_access.check_motion(browser, proxy.url, data, report, **options),
            "insecure": lambda: console_pages.check_insecure(browser, proxy.url, report, **options),
            "login": lambda: check_login(browser, chosen),
        }
        for part in chosen.parts:
            start = time.monotonic()
            checks[part]()
            print(f"{part}: {time.monotonic() - start:.0f} s", flush=True)


def check_empty(browser):
    url = StubGateway().url
    console_pages.check_empty(browser, url, Writer(url), report)


def check_login(browser, chosen):
    """At the gateway if it has users, else at a stub that has."""
    if chosen.user:
        url, user, password = chosen.url, chosen.user, chosen.password
    else:
        ledger = Ledger(entries=[(b"a", b"b")])
        ledger.tokens = set()
        url, user, password = StubGateway(ledger).url, "immu", "Secret-1"
    console_pages.check_login(browser, url, user, password, None, report)


if __name__ == "__main__":
    main()
