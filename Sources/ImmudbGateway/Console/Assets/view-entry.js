// One entry, by its key or by its index: its proof, and the history of its key.

import { decodeContent, equal, memberParts, payloadOf, toHex } from "./bytes.js";
import { facts, h, notice, table } from "./dom.js";
import { badge } from "./entries.js";
import { entryLink, indexLink, parseIndex, parseLink, proofLink, go, retyped } from "./links.js";
import { VerificationFailure } from "./merkle.js";
import { count, shownBlock, shownLine, shownTime } from "./shown.js";

const SHOWN_VERSIONS = 200;

export async function showEntry(context) {
    const { name, argument } = context.route;
    if (name === "index") {
        const index = parseIndex(argument);
        if (index === null) return context.write(h("p", {}, "The address has no index."));
        const entry = await context.calls((calls) => calls.byIndex(index), { index });
        return showVersion(context, index, entry.key, entry);
    }
    const key = parseLink(argument);
    if (key === null || key.length === 0) return context.write(h("p", {}, "The address has no key."));
    return showVersion(context, null, key, null);
}

/** Shows the entry at an index, or the newest one of a key, and the key's history. */
async function showVersion(context, index, key, byIndex) {
    const member = byIndex && memberParts(byIndex);
    const { versions, target } = await context.calls((calls) => aboutKey(calls, key), { key }).catch((error) => {
        // An entry that was found by its index is shown without a history, too: a member's key has none.
        if (byIndex && error.name === "CallError") return { versions: [], target: null };
        throw error;
    });
    if (versions.length === 0 && index === null) {
        return context.write(h("p", {}, "There is no entry of the key ", shownLine(key),
            ". This is what the gateway says; that a key is absent cannot be proven."));
    }
    const shownIndex = index ?? versions[0].index;
    context.heading.replaceChildren(`Entry ${shownIndex}`);
    const state = h("div", { "aria-live": "polite" }, h("p", { class: "note" }, "Proving …"));
    const value = h("div", {});
    context.write(state, value, historyTable(context, key, versions, shownIndex));
    try {
        const proof = await context.prover.prove(shownIndex, { key, signal: context.signal });
        await context.calls(async () => compareAnswers(proof.entry, byIndex, versions), { index: shownIndex, key });
        state.replaceChildren(notice("good", h("p", {},
            h("strong", {}, "Proven. "), `Entry ${shownIndex} is in the tree of ${count(proof.tree.size)} entries, which `,
            "continues the tree that this browser trusts. ", proofLink(shownIndex, "See the proof"), ".")));
        value.replaceChildren(factsOf(proof.entry, key, member, target), neighbours(shownIndex, proof.tree.size));
    } catch (error) {
        if (context.signal.aborted) return;
        context.refused(error, state);
        // Without a proof, the entry is marked as unproven.
        if (byIndex && error.name !== "VerificationFailure") {
            value.replaceChildren(
                h("p", { class: "note" }, "As the gateway says:"), factsOf(byIndex, key, member, target));
        }
    }
}

/** The versions of a key, newest first; throws if one has another key. */
async function historyOf(calls, key) {
    const versions = await calls.history(key);
    for (const [place, version] of versions.entries()) {
        if (!equal(version.key, key)) {
            throw new VerificationFailure("wrongKey", "the history has an entry of another key", { index: version.index });
        }
        if (place > 0 && version.index >= versions[place - 1].index) {
            throw new VerificationFailure("wrongIndex", "the history is not in order", { index: version.index });
        }
    }
    return versions;
}

/**
 * The versions of a key, and the key to which it refers, or null. A Get of a reference returns the entry of its
 * target. It is called first, so that its entry is in the history, whatever is written meanwhile.
 */
async function aboutKey(calls, key) {
    let got = null;
    try {
        got = await calls.get(key);
    } catch (error) {
        if (!error.isNotFound) throw error;
    }
    const versions = await historyOf(calls, key);
    if (got === null) return { versions, target: null };
    if (equal(got.key, key)) {
        const same = versions.find(({ index }) => index === got.index);
        if (!same || !equal(payloadOf(got.value), same.payload)) {
            throw new VerificationFailure(
                "answersDiffer", "the key's entry is not the one in its history", { index: got.index });
        }
        return { versions, target: null };
    }
    // The history has decoded the key of the target as if it were a value.
    if (!versions.some(({ payload }) => equal(payload, payloadOf(got.key)))) {
        throw new VerificationFailure(
            "wrongKey", "the answer is the entry of another key, to which this one never referred", { index: got.index });
    }
    return { versions, target: got.key };
}

function compareAnswers(proven, byIndex, versions) {
    const listed = versions.find(({ index }) => index === proven.index);
    const isListed = !listed || equal(listed.payload, payloadOf(proven.value)) || equal(listed.payload, proven.value);
    if (!isListed || (byIndex && !equal(byIndex.value, proven.value))) {
        throw new VerificationFailure("answersDiffer", "two answers have different values of the proven entry");
    }
}

function factsOf(entry, key, member, target) {
    const content = decodeContent(entry.value);
    const payload = payloadOf(entry.value);
    return facts(
        ["Index", String(entry.index)],
        ["Key", member ? shownLine(key) : entryLink(key, shownLine(key))],
        ["Kind", kindOf(member, target)],
        ["Value", h("pre", { class: "value", tabindex: "0", "aria-label": "Value" }, shownBlock(payload))],
        ["Size", `${count(payload.length)} bytes`],
        ["Stored as", content && entry.value.length > 0
            ? "value with the time of its writer"
            : entry.value.length > 0 ? "raw bytes" : null],
        ["Written", content?.timestamp ? `${shownTime(content.timestamp)}, by the writer's clock` : null],
        ["Key in hexadecimal", h("code", { class: "hash" }, toHex(key.subarray(0, 256)), key.length > 256 ? " …" : "")]);
}

function kindOf(member, target) {
    if (target) {
        return h("span", {}, "reference to ", entryLink(target, shownLine(target)),
            h("span", { class: "note" }, " (the kind is not covered by the proof)"));
    }
    if (!member) return null;
    const { text, form } = retyped(member.set);
    const set = h("a", { href: go("sets", { set: text, as: form }) }, shownLine(member.set));
    return h("span", {}, "probably a member of the set ", set, `, score ${member.score}: `,
        entryLink(member.member, shownLine(member.member)));
}

function neighbours(index, size) {
    return h("nav", { class: "row", "aria-label": "Neighbours" },
        index > 0n ? h("a", { href: `#/index/${index - 1n}` }, `Entry ${index - 1n}`) : null,
        index + 1n < size ? h("a", { href: `#/index/${index + 1n}` }, `Entry ${index + 1n}`) : null);
}

function historyTable(context, key, versions, shownIndex) {
    if (versions.length === 0) return null;
    const rows = versions.slice(0, SHOWN_VERSIONS).map((version) => {
        const cell = h("td", {});
        badge(cell, "", proofLink(version.index, "see the proof"));
        return h("tr", version.index === shownIndex ? { "aria-current": "true" } : {},
            h("td", { class: "number" }, indexLink(version.index)),
            h("td", {}, shownLine(version.payload)), h("td", { class: "time" }, shownTime(version.timestamp)), cell);
    });
    const hidden = versions.length - rows.length;
    return h("section", { "aria-labelledby": "history" },
        h("h2", { id: "history" }, "History of the key"),
        h("p", { class: "note" }, "As the gateway says, the newest first. That no version is missing cannot be proven.",
            hidden > 0 ? ` ${count(hidden)} older versions are not shown.` : ""),
        table(versions.length === 1 ? "One version" : `${count(versions.length)} versions`,
            ["Index", "Value", "Written", "Proof"], rows));
}
