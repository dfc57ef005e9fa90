// The tree as it grows: root, size, peaks, last entries.

import { facts, h } from "./dom.js";
import { drawPeaks, peakText } from "./drawing.js";
import { entryTable } from "./entries.js";
import { VerificationFailure, sameTree, treeText } from "./merkle.js";
import { count } from "./shown.js";
import { indexForm } from "./view-keys.js";

const LAST = 10;
const LONGEST_LOG = 20;

export async function showTree(context) {
    const picture = h("div", { class: "card" });
    const numbers = h("div", {});
    const last = h("div", {});
    const log = h("ol", { class: "log", reversed: true });
    const none = h("p", { class: "note" }, "Nothing was written since this page was opened.");
    let shown = null;
    let isBusy = false;

    const draw = async (tree) => {
        if (shown && sameTree(shown, tree)) return;
        shown = tree;
        picture.replaceChildren(drawPeaks(tree.size));
        numbers.replaceChildren(facts(
            ["Entries", count(tree.size)],
            ["Peaks", peakText(tree.size)],
            ["Trusted root", h("code", { class: "hash" }, treeText(tree))]));
        // The list keeps the focus and the badges of a person who works with it.
        if (last.contains(document.activeElement) || isBusy) return;
        isBusy = true;
        try {
            const entries = await context.calls((calls) => lastEntries(calls, tree.size));
            last.replaceChildren(...(entries.length > 0
                ? entryTable(context, `The last ${entries.length} entries`, entries, { isRaw: true })
                : [h("p", {}, "There are no entries yet.")]));
        } finally {
            isBusy = false;
        }
    };

    const link = await context.prover.observe(context.signal);
    context.write(
        h("div", { class: "beside" }, picture, numbers), indexForm(),
        h("section", { "aria-labelledby": "last" }, h("h2", { id: "last" }, "Last entries"), last),
        h("section", { "aria-labelledby": "growth" }, h("h2", { id: "growth" }, "Growth"),
            h("p", { class: "note" }, "Looked at every two seconds while this page is visible. Each step is verified by a ",
                "consistency proof before the trusted root moves."),
            none, log));
    await draw(link.newer);
    context.onObserved((link) => {
        if (shown.size < link.newer.size) {
            none.remove();
            log.prepend(h("li", {}, h("time", {}, new Date().toLocaleTimeString("en-GB")),
                ` ${count(shown.size)} → ${count(link.newer.size)} entries, proven by ${link.path.length} nodes`));
            if (log.children.length > LONGEST_LOG) log.lastChild.remove();
        }
        draw(link.newer).catch((error) => context.refused(error, last));
    });
}

/** The last entries, the newest first, by pages of the ledger. */
async function lastEntries(calls, size) {
    const entries = [];
    const lastPage = (size + BigInt(LAST) - 1n) / BigInt(LAST);
    for (let page = lastPage; page > 0n && page >= lastPage - 1n && entries.length < LAST; page--) {
        const from = (page - 1n) * BigInt(LAST);
        const items = (await calls.page(LAST, String(page))).slice(0, Number(size - from));
        items.forEach((item, place) => {
            if (item.index !== from + BigInt(place)) {
                throw new VerificationFailure(
                    "wrongIndex", `a page has entry ${item.index} in the place of entry ${from + BigInt(place)}`,
                    { index: from + BigInt(place), key: item.key });
            }
        });
        entries.push(...items.reverse());
    }
    return entries.slice(0, LAST);
}
