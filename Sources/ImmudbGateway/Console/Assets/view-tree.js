// The tree as it grows: root, size, peaks, last entries.

import { facts, h } from "./dom.js";
import { drawPeaks, peakText } from "./drawing.js";
import { entryTable } from "./entries.js";
import { VerificationFailure, sameTree, treeText } from "./merkle.js";
import { known } from "./prover.js";
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
    let seen = new Map();
    let isBusy = false;

    const draw = async (tree) => {
        if (shown && sameTree(shown, tree)) return;
        shown = tree;
        picture.replaceChildren(drawPeaks(tree.size));
        numbers.replaceChildren(facts(
            ["Entries", count(tree.size)],
            ["Peaks", peakText(tree.size)],
            ["Trusted root", h("code", { class: "hash" }, treeText(tree))]));
        // The list keeps the focus and the badges.
        if (last.contains(document.activeElement) || isBusy) return;
        isBusy = true;
        try {
            seen = await context.calls((calls) => lastEntries(calls, tree, seen));
            last.replaceChildren(...(seen.size > 0
                ? entryTable(context, `The last ${seen.size} entries`, [...seen.values()], { isRaw: true })
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

/** The last entries, newest first. Entries in `seen` are not requested again, since values may be large. */
async function lastEntries(calls, tree, seen) {
    const entries = new Map();
    for (let index = tree.size - 1n; index >= 0n && entries.size < LAST; index--) {
        const entry = seen.get(index) ?? await known(calls.byIndex(index), index, tree);
        if (entry.index !== index) {
            throw new VerificationFailure("wrongIndex", `the answer is entry ${entry.index}, not ${index}`, { index });
        }
        entries.set(index, entry);
    }
    return entries;
}
