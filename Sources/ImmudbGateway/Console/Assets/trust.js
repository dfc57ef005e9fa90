// The trusted root of this browser, and its reaction to a failed check.
//
// For each server, by its identity, localStorage has one trusted root. It is set at first contact, by a person, and moves
// only to a tree that a verified proof has shown to begin with it. A failed check raises an alarm, which is in localStorage,
// too: it stays until a person acknowledges it, also when the page is loaded again, and in all tabs.

import { toHex, toText } from "./bytes.js";
import { VerificationFailure, parseTree, treeText } from "./merkle.js";

const PREFIX = "immudb-console.";
// localStorage has about 5 MB. Larger evidence is only in memory; without the answers it fits.
const LARGEST_STORED = 1 << 20;

/** Nothing is trusted yet: a person must confirm the shown root. */
export class FirstContact extends Error {
    constructor() {
        super("this browser trusts no root of this server yet");
        this.name = "FirstContact";
    }
}

/** Proofs stop until an alarm is acknowledged. */
export class AlarmIsOn extends Error {
    constructor() {
        super("proofs stop until the alarm is acknowledged");
        this.name = "AlarmIsOn";
    }
}

export class Trust extends EventTarget {
    constructor(storage) {
        super();
        this.storage = storage;
        this.fullAlarm = null;
        this.isStored = true;
        // Another tab has raised or acknowledged an alarm, or moved the root.
        window.addEventListener("storage", (event) => {
            if (event.key?.startsWith(PREFIX)) this.changed();
        });
    }

    changed() {
        this.dispatchEvent(new Event("change"));
    }

    /** The identity of the server that is trusted at this address; null before first contact. */
    get server() {
        return this.storage.getItem(`${PREFIX}server`);
    }

    /** The trusted tree; null before first contact. A stored text that is not a root is an error, not first contact. */
    get root() {
        const server = this.server;
        if (server === null) return null;
        const text = this.storage.getItem(`${PREFIX}root.${server}`);
        const tree = text === null ? null : parseTree(text);
        if (!tree) {
            throw new VerificationFailure(
                "trustedRootUnusable",
                `the trusted root of server ${server} in this browser is ${text === null ? "gone" : "damaged"}`);
        }
        return tree;
    }

    /** First contact: a person trusts this root of this server. */
    establish(server, tree) {
        // Another tab was first.
        if (this.server !== null) return;
        this.storage.setItem(`${PREFIX}root.${server}`, treeText(tree));
        this.storage.setItem(`${PREFIX}server`, server);
        this.changed();
    }

    /** Moves the trusted root to a tree that was verified to begin with it. Call it with the lock held. */
    advance(tree) {
        if (tree.size <= this.root.size || this.alarm) return;
        this.storage.setItem(`${PREFIX}root.${this.server}`, treeText(tree));
        this.changed();
    }

    /** Leads to a new first contact. Only a person can do that. */
    forget() {
        if (this.server !== null) this.storage.removeItem(`${PREFIX}root.${this.server}`);
        this.storage.removeItem(`${PREFIX}server`);
        this.changed();
    }

    /** Throws if the server is not the one that is trusted at this address. */
    checkIdentity(identity) {
        if (!/^[A-Za-z0-9_-]{1,64}$/.test(identity)) {
            throw new VerificationFailure("serverChanged", "the server's identity is not one");
        }
        if (this.server !== null && identity !== this.server) {
            throw new VerificationFailure(
                "serverChanged",
                `server ${identity} answers, but ${this.server} is trusted at this address: immudb was replaced, its ` +
                    "folder was exchanged, or somebody forges it");
        }
    }

    /** Runs an action while no other action, in any tab, reads or moves the trusted root. */
    exclusively(signal, action) {
        return navigator.locks.request(`${PREFIX}trust`, signal ? { signal } : {}, action);
    }

    // Alarms

    /** The evidence of the unacknowledged failure, or null. */
    get alarm() {
        const text = this.storage.getItem(`${PREFIX}alarm`);
        if (text === null) return this.isStored ? null : this.fullAlarm;
        try {
            const stored = JSON.parse(text);
            return this.fullAlarm?.time === stored.time ? this.fullAlarm : stored;
        } catch {
            return { check: "unknown", message: "the stored alarm cannot be read", exchanges: [] };
        }
    }

    /** Raises an alarm, unless there is one already: the first failure is the evidence. */
    raise(failure, exchanges) {
        if (this.alarm) return;
        const evidence = evidenceOf(failure, exchanges, this);
        let text = JSON.stringify(evidence);
        if (text.length > LARGEST_STORED) {
            text = JSON.stringify({ ...evidence, exchanges: [], note: "the answers were too large to be kept" });
        }
        this.fullAlarm = evidence;
        try {
            this.storage.setItem(`${PREFIX}alarm`, text);
            this.isStored = true;
        } catch {
            // The storage is full, so the alarm is only in this tab.
            this.isStored = false;
        }
        this.changed();
    }

    acknowledge() {
        this.fullAlarm = null;
        this.isStored = true;
        this.storage.removeItem(`${PREFIX}alarm`);
        this.changed();
    }
}

/** The evidence as a file for download; docs/console.md has its fields. */
function evidenceOf(failure, exchanges, trust) {
    const { index, key, trusted, claimed, path } = failure.facts;
    const tree = (one) => one && { size: Number(one.size), root: toHex(one.root) };
    let base = trusted;
    try {
        base ??= trust.root;
    } catch {
        // The failure concerns this root itself.
    }
    return {
        immudbConsoleEvidence: 1,
        time: new Date().toISOString(),
        server: trust.server,
        address: location.origin,
        check: failure.check,
        message: failure.message,
        index: index === undefined ? undefined : Number(index),
        key: key && toHex(key),
        keyText: key ? toText(key) ?? undefined : undefined,
        trusted: tree(base) ?? undefined,
        claimed: tree(claimed) ?? undefined,
        path: (path ?? []).map(toHex),
        exchanges,
    };
}
