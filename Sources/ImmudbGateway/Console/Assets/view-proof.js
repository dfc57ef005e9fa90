// The proof of an entry, hash by hash.

import { payloadOf, toHex, uint64 } from "./bytes.js";
import { download, facts, h, notice } from "./dom.js";
import { drawPath, range } from "./drawing.js";
import { entryLink, parseIndex } from "./links.js";
import { treeText } from "./merkle.js";
import { receiptName, receiptText } from "./receipt.js";
import { count, shownBlock, shownLine } from "./shown.js";
import { indexForm } from "./view-keys.js";

export async function showProof(context) {
    const index = parseIndex(context.route.argument);
    if (index === null) return context.write(h("p", {}, "Which entry?"), indexForm("proof"));
    context.heading.textContent = `Proof of entry ${index}`;
    context.write(h("p", { class: "note", role: "status" }, "Asking for the proof and computing its hashes …"));
    const proof = await context.prover.prove(index, { signal: context.signal });
    const { entry, tree, steps } = proof;
    context.write(
        notice("good", h("p", { role: "status" }, h("strong", {}, "The proof holds. "),
            `Entry ${index} is in the tree of ${count(tree.size)} entries. This browser computed `,
            `${count(1 + steps.length)} hashes on the way from the entry to the root, and verified that the tree `,
            "continues the one it trusts.")),
        h("div", { class: "row" },
            h("button", { type: "button", click: () => download(receiptName(proof), "text/plain", receiptText(proof)) },
                "Download the receipt"),
            h("a", { href: `#/index/${index}` }, "The entry and its history")),
        facts(
            ["Key", entryLink(entry.key, shownLine(entry.key))],
            ["Value", h("pre", { class: "value", tabindex: "0", "aria-label": "Value" }, shownBlock(payloadOf(entry.value)))],
            ["Root", h("code", { class: "hash" }, treeText(tree))],
            ["Server", proof.server]),
        h("section", { class: "proof", "aria-labelledby": "steps" },
            h("h2", { id: "steps" }, "From the entry to the root"),
            h("div", { class: "beside" }, h("div", { class: "stays" }, drawPath(proof)), stepList(proof))),
        linkSection(proof.link));
}

function hash(bytes, kind = "") {
    return h("code", { class: `hash ${kind}` }, toHex(bytes));
}

/** The hashed bytes, part by part, and the result. A part is a label and bytes. */
function formula(prefix, parts, result, kind) {
    return h("dl", { class: "formula" },
        [["SHA-256 of", h("code", {}, prefix)], ...parts, ["gives", hash(result, kind)]].map(
            ([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))));
}

/** The first bytes, in hexadecimal. */
function beginning(bytes) {
    return h("code", { class: "hash" }, toHex(bytes.subarray(0, 32)), bytes.length > 32 ? "…" : "");
}

function stepList({ entry, leaf, steps, tree }) {
    const isOnly = steps.length === 0;
    return h("ol", { class: "steps", start: "0" },
        h("li", {},
            h("h3", {}, "The leaf: index, key and value"),
            formula("00", [
                ["the index", hash(uint64(entry.index))],
                ["the key's length", hash(uint64(entry.key.length))],
                [`the key, ${count(entry.key.length)} bytes`, beginning(entry.key)],
                [`the stored value, ${count(entry.value.length)} bytes`, beginning(entry.value)],
            ], leaf, isOnly ? "match" : "own"),
            h("p", { class: "note" }, "Equal to the leaf that the server sent.", isOnly ? " It is the root." : "")),
        steps.map(({ side, sibling, parent, left, right, hash: result }, place) => {
            const isLast = place === steps.length - 1;
            const [siblingHash, own] = side === "left" ? [left, right] : [right, left];
            const other = side === "left" ? "right" : "left";
            const received = [`${side}, received: ${range(sibling)}`, hash(siblingHash)];
            const computed = [`${other}, computed above`, hash(own, "own")];
            return h("li", {},
                h("h3", {}, isLast ? `The root of all ${count(tree.size)} entries` : `The node of entries ${range(parent)}`),
                formula("01", side === "left" ? [received, computed] : [computed, received], result, isLast ? "match" : "own"),
                isLast ? h("p", { class: "note" }, "Equal to the root that the server claims.") : null);
        }));
}

/** The relation of the proof's tree and the trusted one. */
function linkSection({ older, newer, path, first, steps }) {
    const heading = h("h2", { id: "link" }, "From the trusted root to this root");
    if (older.size === newer.size) {
        return h("section", { "aria-labelledby": "link" }, heading,
            h("p", {}, "The root is the one that this browser trusts:"), h("p", {}, hash(newer.root, "match")));
    }
    const trees = facts(["Older tree", h("code", { class: "hash" }, treeText(older))],
        ["Newer tree", h("code", { class: "hash" }, treeText(newer))]);
    if (older.size === 0n) {
        return h("section", { "aria-labelledby": "link" }, heading, trees,
            h("p", {}, "The trusted tree was empty: every tree continues it."));
    }
    return h("section", { "aria-labelledby": "link" }, heading, trees,
        h("p", {}, `A consistency proof of ${path.length} nodes shows that the newer tree begins with the `,
            `${count(older.size)} entries of the older one. Each node is hashed into the newer root; those on the left also `,
            "into the older one."),
        h("details", {},
            h("summary", {}, `The ${steps.length} steps`),
            h("ol", { class: "steps", start: "0" },
                h("li", {}, h("h3", {}, `Entries ${range(first)}, the end of the older tree`), hash(first.hash)),
                steps.map(({ side, sibling, node, old, now }) => h("li", {},
                    h("h3", {}, `Entries ${range(sibling)}, on the ${side}`),
                    facts(["Received", hash(node)],
                        ["Older", side === "left" ? hash(old, equalKind(old, older)) : null],
                        ["Newer", hash(now, equalKind(now, newer))]))))));
}

function equalKind(bytes, tree) {
    return toHex(bytes) === toHex(tree.root) ? "match" : "own";
}
