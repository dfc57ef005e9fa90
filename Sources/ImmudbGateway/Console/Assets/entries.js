// A list of entries as the gateway returned them. Each can be proven in place.

import { decodeContent, memberParts, payloadOf } from "./bytes.js";
import { h, table } from "./dom.js";
import { entryLink, indexLink, proofLink } from "./links.js";
import { shownLine, shownTime } from "./shown.js";

/** The table, with a button that proves all of its entries. `isRaw`: entries by index, which may be members of sets. */
export function entryTable(context, caption, entries, { isRaw = false } = {}) {
    const badges = entries.map(() => h("td", {}, h("span", { class: "badge" }, "not checked")));
    const rows = entries.map((entry, place) => h("tr", {},
        h("td", { class: "number" }, indexLink(entry.index)),
        h("td", {}, keyCell(entry, isRaw)),
        h("td", {}, shownLine(payloadOf(entry.value))),
        h("td", { class: "time" }, shownTime(decodeContent(entry.value)?.timestamp ?? 0n)),
        badges[place]));
    const message = h("p", { role: "status", class: "note" });
    const button = h("button", { type: "button", click: async () => {
        button.disabled = true;
        try {
            await proveAll(context, entries, badges, message);
        } catch (error) {
            if (!context.signal.aborted) context.refused(error, message);
        }
        button.disabled = false;
    } }, "Prove these entries");
    return [
        table(caption, ["Index", "Key", "Value", "Written", "Proof"], rows),
        h("div", { class: "row" }, button, message),
    ];
}

function keyCell(entry, isRaw) {
    const member = isRaw ? memberParts(entry) : null;
    if (!member) return entryLink(entry.key, shownLine(entry.key));
    return h("span", {}, shownLine(member.member), h("span", { class: "note" }, " probably a member of set "),
        shownLine(member.set), h("span", { class: "note" }, `, score ${member.score}`));
}

async function proveAll(context, entries, badges, message) {
    for (const [place, entry] of entries.entries()) {
        message.textContent = `Proving ${place + 1} of ${entries.length} …`;
        try {
            await context.prover.prove(entry.index, { entry, signal: context.signal });
        } catch (error) {
            if (error.name === "VerificationFailure") badge(badges[place], "bad", "failed");
            message.textContent = "";
            throw error;
        }
        badge(badges[place], "good", proofLink(entry.index, "proven"));
    }
    message.textContent = `All ${entries.length} entries are proven. That none is missing is not.`;
}

export function badge(place, kind, content) {
    place.replaceChildren(h("span", { class: `badge ${kind}` }, content));
}
