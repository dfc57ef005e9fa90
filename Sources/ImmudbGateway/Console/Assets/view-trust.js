// First contact, and the trusted root of this browser.

import { download, facts, field, form, h, notice } from "./dom.js";
import { VerificationFailure, parseTree, treeText } from "./merkle.js";
import { count } from "./shown.js";

/** Asks a person to trust the root that a server shows, or to enter one. */
export async function showFirstContact(place, prover, signal, trusted) {
    place.replaceChildren(h("p", { class: "note" }, "Asking the server for its root …"));
    let sight;
    try {
        sight = await prover.firstSight(signal);
    } catch (error) {
        if (!signal.aborted) {
            place.replaceChildren(notice("warn", h("p", {},
                `Nothing is trusted yet, and the server's root is not known: ${error.message}.`)));
        }
        return;
    }
    const { server, tree } = sight;
    const message = h("div", { role: "alert" });
    const trustShown = () => {
        prover.trust.establish(server, tree);
        trusted();
    };
    const trustBrought = async (data) => {
        const brought = parseTree(data.get("root"));
        if (!brought) {
            message.replaceChildren(notARoot());
            return;
        }
        try {
            await prover.establish(server, brought, signal);
            trusted();
        } catch (error) {
            if (!signal.aborted) message.replaceChildren(notice("bad", h("p", {}, `Not trusted: ${error.message}.`)));
        }
    };
    place.replaceChildren(
        h("section", { class: "card", "aria-labelledby": "contact" },
            h("h2", { id: "contact" }, "First contact"),
            h("p", {}, "This browser trusts nothing of this server yet. It can take the root below as the beginning: from then " +
                "on every answer has to continue it. Compare it with what the operator, an auditor or another client says."),
            facts(["Server", server], ["Entries", count(tree.size)], ["Root", h("code", { class: "hash" }, treeText(tree))]),
            h("button", { type: "button", class: "main", click: trustShown }, "Trust this root"),
            h("h3", {}, "Or bring a root"),
            form("Bring a root", trustBrought, rootField("of a colleague, an auditor, or on paper: <root>@<size>"),
                h("button", { type: "submit" }, "Trust it if the server continues it")), message));
}

function notARoot() {
    return notice("warn", h("p", {}, "That is not a root. It has 64 hexadecimal digits, @, and the size."));
}

function rootField(hint) {
    return field("Root", h("input", { name: "root", id: "brought-root", required: true, class: "wide", autocomplete: "off",
        autocapitalize: "none", spellcheck: "false", placeholder: "e3b0…@42" }), hint);
}

export async function showTrust(context) {
    const { prover, trust, signal } = context;
    let root;
    try {
        root = trust.root;
    } catch (error) {
        trust.raise(error, []);
        context.write(h("p", {}, `${error.message}.`), forgetSection(context));
        return;
    }
    if (!root) {
        const place = h("div", {});
        context.write(place);
        return showFirstContact(place, prover, signal, context.again);
    }
    const shown = h("div", {});
    const show = () => {
        const now = trust.alarm ? root : trust.root ?? root;
        shown.replaceChildren(facts(
            ["Server", trust.server], ["At", location.origin], ["Entries", count(now.size)],
            ["Root", h("code", { class: "hash", id: "trusted-root" }, treeText(now))]));
    };
    show();
    context.onObserved(show);
    const save = () => download(`immudb-root-${trust.server}.txt`, "text/plain", `${treeText(trust.root)}\n`);
    context.write(
        h("p", {}, "This browser trusts one root of this server. It moves only to a tree that a proof, verified here, shows to " +
            "continue it. It is kept for this address, in this browser."),
        shown,
        h("div", { class: "row" }, h("button", { type: "button", click: save }, "Save the root")),
        compareSection(prover, signal), forgetSection(context));
}

function compareSection(prover, signal) {
    const message = h("div", { role: "status" });
    const submitted = async (data) => {
        const tree = parseTree(data.get("root"));
        if (!tree) {
            message.replaceChildren(notARoot());
            return;
        }
        message.replaceChildren();
        try {
            const { older, newer } = await prover.compare(tree, signal);
            message.replaceChildren(notice("good", h("p", {},
                `Both are one history: the tree of ${count(newer.size)} entries begins with that of ${count(older.size)}.`)));
        } catch (error) {
            if (signal.aborted) return;
            const isBad = error instanceof VerificationFailure;
            message.replaceChildren(notice(isBad ? "bad" : "warn", h("p", {}, `Not confirmed: ${error.message}.`)));
        }
    };
    return h("section", { "aria-labelledby": "compare" },
        h("h2", { id: "compare" }, "Compare with a root that you have"),
        form("Compare roots", submitted, rootField("of this server, older or newer: <root>@<size>"),
            h("button", { type: "submit" }, "Compare")), message);
}

function forgetSection({ trust, again }) {
    const dialog = h("dialog", { "aria-labelledby": "forget-question" },
        h("h2", { id: "forget-question" }, "Forget what is trusted?"),
        h("p", {}, "The next contact is a first contact: the server may then show any history. Do this only if its operator " +
            "has told you why it is another one."),
        h("div", { class: "row" },
            h("button", { type: "button", click: () => dialog.close() }, "Keep it"),
            h("button", { type: "button", click: () => {
                dialog.close();
                trust.forget();
                again();
            } }, "Forget it")));
    return h("section", { "aria-labelledby": "forget" },
        h("h2", { id: "forget" }, "Another server at this address"),
        h("p", {}, "If the operator has replaced the server for a reason that you know, forget the trusted root and begin ",
            "again."),
        h("button", { type: "button", click: () => dialog.showModal() }, "Forget the trusted root …"), dialog);
}
