// The frame of the console: routes, the state of trust in the header, the alarm, and the updates.

import { Connection } from "./api.js";
import { h, notice } from "./dom.js";
import { Prover } from "./prover.js";
import { count, shortHash } from "./shown.js";
import { AlarmIsOn, FirstContact, Trust } from "./trust.js";
import { VerificationFailure } from "./merkle.js";
import { showAlarm } from "./view-alarm.js";
import { showEntry } from "./view-entry.js";
import { showKeys } from "./view-keys.js";
import { showLogin } from "./view-login.js";
import { showProof } from "./view-proof.js";
import { showSets } from "./view-sets.js";
import { showStatus } from "./view-status.js";
import { showTree } from "./view-tree.js";
import { showFirstContact, showTrust } from "./view-trust.js";

const POLL_MILLISECONDS = 2_000;
const SLOW_POLL_MILLISECONDS = 10_000;

const main = document.getElementById("main");
const connection = new Connection(storage("sessionStorage"));
const trust = new Trust(storage("localStorage"));
const prover = new Prover(connection, trust);

const routes = {
    keys: ["Keys", showKeys], entry: ["Entry", showEntry], index: ["Entry", showEntry], tree: ["Tree", showTree],
    sets: ["Sorted sets", showSets], status: ["Status", showStatus], proof: ["Proof", showProof], trust: ["Trust", showTrust],
};

/** The current page: its route, its clean-up, and its handler for updates of the tree. */
let page = { ending: new AbortController(), observed: () => {} };
/** The result of the last check of the tree, for the header. */
let sight = { kind: "wait" };
let isPaused = false;
let failures = 0;
let timer = null;
let isLooking = false;

/** The browser's storage, or one that ends with the page if the browser is configured to store nothing. */
function storage(name) {
    try {
        return window[name];
    } catch {
        main.before(notice("warn", h("p", {},
            "This browser keeps nothing for this page: what you trust is forgotten with it.")));
        const all = new Map();
        return {
            getItem: (key) => all.get(key) ?? null, setItem: (key, text) => all.set(key, text),
            removeItem: (key) => all.delete(key),
        };
    }
}

/** Parses #/name/argument?query. */
function currentRoute() {
    const [path, query] = location.hash.replace(/^#\/?/, "").split("?", 2);
    const [name, argument] = path.split("/", 2);
    return { name: name || "keys", argument: argument ?? "", query: new URLSearchParams(query ?? "") };
}

/** Shows the page of the address. `isMove` is false when the same page is shown again. */
async function show(isMove) {
    page.ending.abort();
    const ending = new AbortController();
    const route = currentRoute();
    const [title, view] = routes[route.name] ?? ["No such page", showMissing];
    page = { ending, observed: () => {} };
    for (const link of document.querySelectorAll("nav a")) {
        const own = link.getAttribute("href").slice(2);
        const isHere = own === route.name || (own === "keys" && ["entry", "index", "proof"].includes(route.name));
        if (isHere) link.setAttribute("aria-current", own === route.name ? "page" : "true");
        else link.removeAttribute("aria-current");
    }
    const heading = h("h1", { tabindex: "-1" }, title);
    const body = h("div", {}, h("p", { class: "note" }, "Loading …"));
    main.replaceChildren(heading, body);
    main.setAttribute("aria-busy", "true");
    if (isMove) {
        heading.focus();
        scrollTo(0, 0);
    }
    /** The context of a page: its element, the calls, and the registration for updates of the tree. */
    const context = {
        connection, trust, prover, signal: ending.signal, route, heading,
        calls: (action, facts = {}) => prover.guarded(ending.signal, facts, action),
        write: (...children) => body.replaceChildren(...children.flat().filter(Boolean)),
        onObserved: (action) => { if (page.ending === ending) page.observed = action; },
        refused: (error, place = body) => showProblem(error, place, ending),
        again: () => show(true),
    };
    try {
        await view(context);
    } catch (error) {
        showProblem(error, body, ending);
    }
    if (ending.signal.aborted) return;
    main.removeAttribute("aria-busy");
    document.title = `${isAlarmed() ? "ALARM – " : ""}${heading.textContent} – immudb console`;
}

function showMissing(context) {
    context.write(h("p", {}, "There is no such page. ", h("a", { href: "#/keys" }, "Go to the keys"), "."));
}

/** Shows an error; asks for a login or for first contact if that helps. */
function showProblem(error, place, ending) {
    if (ending.signal.aborted) return;
    if (error.needsLogin) return showLogin(place, connection, () => { start(); show(true); });
    if (error instanceof FirstContact) return showFirstContact(place, prover, ending.signal, () => { start(); show(true); });
    if (error instanceof VerificationFailure || error instanceof AlarmIsOn) {
        place.replaceChildren(notice("bad", h("p", {}, "Not proven: ", error.message, ".")));
        return;
    }
    const said = error.name === "CallError" ? error.message : `this page failed: ${error.message}`;
    if (error.name !== "CallError") console.error(error);
    place.replaceChildren(notice("warn", h("p", {}, `${said[0].toUpperCase()}${said.slice(1)}.`),
        h("button", { type: "button", click: () => show(true) }, "Try again")));
}

// Updates

async function look() {
    clearTimeout(timer);
    if (isLooking || document.hidden || isPaused || !window.isSecureContext) return;
    isLooking = true;
    try {
        const link = await prover.observe(null);
        sight = { kind: "good", tree: link.newer };
        failures = 0;
        page.observed(link);
    } catch (error) {
        if (error instanceof FirstContact) sight = { kind: "new" };
        else if (error.needsLogin) sight = { kind: "login" };
        else if (!(error instanceof AlarmIsOn || error instanceof VerificationFailure)) {
            sight = { kind: "away", reason: error.message };
            failures++;
        }
    }
    isLooking = false;
    showState();
    clearTimeout(timer);
    timer = setTimeout(look, failures > 2 ? SLOW_POLL_MILLISECONDS : POLL_MILLISECONDS);
}

/** Checks the tree now, and then periodically. */
function start() {
    failures = 0;
    look();
}

function isAlarmed() {
    return trust.alarm !== null;
}

function showState() {
    const [kind, word, detail] = stateOf();
    document.getElementById("state").dataset.kind = kind;
    const place = document.getElementById("state-word");
    // A live region, which is read aloud only when the word changes.
    if (place.textContent !== word) place.textContent = word;
    document.getElementById("state-detail").textContent = detail;
    document.getElementById("logout").hidden = connection.token === null;
}

function stateOf() {
    if (!window.isSecureContext) return ["away", "Proofs cannot be checked", ""];
    if (isAlarmed()) return ["bad", "Alarm", "a check did not hold"];
    if (isPaused) return ["away", "Paused", ""];
    switch (sight.kind) {
        case "good":
            return ["good", "Verified", `${count(sight.tree.size)} entries, root ${shortHash(sight.tree.root)}…`];
        case "new": return ["new", "Nothing trusted yet", ""];
        case "login": return ["new", "Log in to verify", ""];
        case "away": return ["away", "Not verified", sight.reason];
        default: return ["away", "Connecting", ""];
    }
}

/** Shows a root that was trusted, or an alarm that was raised, meanwhile, here or in another tab. */
function refresh() {
    if (sight.kind === "good" && !isAlarmed() && trust.root) sight.tree = trust.root;
    const wasAlarmed = document.body.classList.contains("alarmed");
    document.body.classList.toggle("alarmed", isAlarmed());
    showAlarm(document.getElementById("alarm"), trust, !wasAlarmed, () => {
        main.focus();
        start();
        show(false);
    });
    document.title = document.title.replace(/^ALARM – /, "").replace(/^/, isAlarmed() ? "ALARM – " : "");
    showState();
}

document.getElementById("pause").addEventListener("click", (event) => {
    isPaused = !isPaused;
    event.target.setAttribute("aria-pressed", String(isPaused));
    showState();
    if (!isPaused) start();
});
document.getElementById("logout").addEventListener("click", () => {
    connection.logout();
    start();
    show(true);
});
document.getElementById("skip").addEventListener("click", (event) => {
    // The address belongs to the page, and must not become #main.
    event.preventDefault();
    main.focus();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) start(); });
window.addEventListener("hashchange", () => show(true));
trust.addEventListener("change", refresh);

if (!window.isSecureContext) {
    main.before(h("section", { class: "notice bad outside", "aria-labelledby": "insecure" },
        h("h2", { id: "insecure" }, "Proofs cannot be checked here"),
        h("p", {}, "This page came over plain http from another machine. Browsers then give no access to hashing " +
            "(WebCrypto), and somebody on the way could have changed this page itself. Open the console over https, or on " +
            "localhost, for example through ", h("code", {}, "ssh -L 3323:127.0.0.1:3323 HOST"), "."),
        h("p", {}, "Everything below is what the gateway says, unverified.")));
}
refresh();
start();
show(false);
