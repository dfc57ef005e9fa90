"""Chromium at the console, and what no page may do: errors, violations of its policy, requests to other places."""

import contextlib
import base64
import shutil
import os

from playwright.sync_api import expect, sync_playwright

CHECKS_MILLISECONDS = 20_000


def link(key):
    """A key as the console's addresses have it."""
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


@contextlib.contextmanager
def chromium(executable=None):
    """Debian's Chromium; Playwright brings none."""
    path = executable or os.environ.get("IMMUDB_TEST_CHROMIUM") or shutil.which("chromium")
    if not path:
        raise SystemExit("there is no chromium: install it, or name one with --chromium")
    arguments = ["--host-resolver-rules=MAP console.test 127.0.0.1"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
    expect.set_options(timeout=CHECKS_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """A browser of its own (storage, trusted root) at one console. Use it as a context: it fails if a page misbehaved."""

    def __init__(self, browser, url, width=1280, height=900, scheme="light", motion="reduce", login=None):
        self.url = url.rstrip("/")
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion=motion,
            accept_downloads=True)
        self.context.set_default_timeout(CHECKS_MILLISECONDS)
        self.faults = []
        self.login, self.logged_in = login, set()
        self.requests = []
        self.page = self.open()

    def open(self):
        """Another tab of the same browser."""
        page = self.context.new_page()
        page.add_init_script(
            "addEventListener('securitypolicyviolation',"
            " (e) => console.error('policy: ' + e.violatedDirective + ' ' + e.blockedURI))")
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))
        page.on("request", self._requested)
        page.on("dialog", lambda dialog: (self.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        return page

    def _said(self, message):
        if message.type not in ("error", "warning"):
            return
        # The browser logs each answer that is no success; the console shows those itself.
        place = message.location.get("url", "")
        if message.text.startswith("Failed to load resource") and "/v1/immurestproxy/" in place:
            return
        self.faults.append(f"console {message.type}: {message.text}")

    def _requested(self, request):
        self.requests.append(request.url)
        if not request.url.startswith((self.url + "/", "data:", "blob:" + self.url)):
            self.faults.append(f"request to another place: {request.url}")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.context.close()
        if kind is None and self.faults:
            raise AssertionError("; ".join(self.faults))

    # The console

    def go(self, route, page=None):
        """Opens an address of the console and waits until it is shown."""
        page = page or self.page
        if self.login and page not in self.logged_in:
            # The keys are nobody's without a token.
            self.logged_in.add(page)
            self.go("keys", page)
            page.fill("#login-user", self.login[0])
            page.fill("#login-password", self.login[1])
            page.click("button:text-is('Log in')")
            expect(page.get_by_role("form", name="Search keys")).to_be_visible()
        if page.url.startswith(f"{self.url}/console/"):
            page.evaluate("(route) => { location.hash = route; }", f"#/{route}")
        else:
            page.goto(f"{self.url}/console/#/{route}")
        self.wait(page)

    def wait(self, page=None):
        page = page or self.page
        page.wait_for_timeout(50)
        expect(page.locator("main:not([aria-busy])")).to_be_visible()
        expect(page.locator("main").get_by_text("Loading …")).to_have_count(0)

    def trust(self):
        """First contact."""
        self.go("trust")
        self.page.click("text=Trust this root")
        self.expect_green()

    def trusted(self):
        return self.page.evaluate(
            "() => localStorage.getItem('immudb-console.root.' + localStorage.getItem('immudb-console.server'))")

    def main(self):
        return self.page.locator("main")

    def state(self):
        return self.page.locator("#state-word")

    def alarm(self):
        return self.page.locator(".alarm")

    def expect_green(self):
        expect(self.state()).to_have_text("Verified")
        expect(self.alarm()).to_have_count(0)

    def expect_green_when_resumed(self):
        self.page.click("text=Pause updates")
        self.expect_green()

    def expect_red(self, check, named=()):
        """The alarm is on, it names the failed check, and what is asked for."""
        expect(self.alarm()).to_be_visible()
        text = self.alarm().inner_text()
        for part in (f"({check})", *named):
            assert part in text, f"the alarm does not say {part!r}: {text}"
        assert self.page.locator("body.alarmed").count() == 1
        assert self.page.title().startswith("ALARM"), self.page.title()
        return text

    def download(self, label):
        with self.page.expect_download() as waiting:
            self.page.click(f"text={label}")
        with open(waiting.value.path(), encoding="utf-8") as file:
            return waiting.value.suggested_filename, file.read()
