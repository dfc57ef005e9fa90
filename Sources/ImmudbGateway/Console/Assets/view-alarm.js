// The alarm about a failed check. It stays until a person acknowledges it.

import { fromHex } from "./bytes.js";
import { download, facts, h } from "./dom.js";
import { shownLine } from "./shown.js";

const CHECKS = {
    leafMismatch: "The leaf does not belong to the entry",
    inclusionFailed: "The entry is not in the tree",
    consistencyFailed: "The tree does not continue the trusted one",
    treeShrank: "The tree is smaller than the trusted one",
    wrongKey: "The answer is about another key",
    wrongIndex: "The answer is about another index",
    malformedProof: "The proof does not have the form of a proof",
    serverChanged: "Another server answers",
    answersDiffer: "Two answers contradict each other",
    dataLoss: "The server reports that an entry was changed",
    trustedRootUnusable: "The trusted root of this browser cannot be used",
};

/** Fills or empties the element of the alarm. `isNew` moves the focus to it. */
export function showAlarm(place, trust, isNew, acknowledged) {
    const alarm = trust.alarm;
    if (!alarm) return place.replaceChildren();
    if (place.dataset.time === alarm.time && place.firstChild) return;
    place.dataset.time = alarm.time;
    const heading = h("h2", { tabindex: "-1", id: "alarm-heading" }, `Alarm: ${subject(alarm)} could not be verified`);
    place.replaceChildren(
        h("section", { class: "alarm", role: "alert", "aria-labelledby": "alarm-heading" },
            heading,
            h("p", {}, "Do not rely on what this server says until its operator has explained it. The trusted root has " +
                "not moved."),
            facts(
                ["Entry", alarm.index === undefined ? null : `index ${alarm.index}`],
                ["Key", keyOf(alarm)],
                ["Failed check", `${CHECKS[alarm.check] ?? "A check did not hold"} (${alarm.check})`],
                ["What was seen", String(alarm.message)],
                ["Trusted root", treeOf(alarm.trusted) ?? "none"],
                ["Claimed root", treeOf(alarm.claimed) ?? "none"],
                ["Server", alarm.server ?? "unknown"],
                ["Time", alarm.time]),
            h("div", { class: "row" },
                h("button", { type: "button", click: () => save(alarm) }, "Download the evidence"),
                h("button", { type: "button", click: () => { trust.acknowledge(); acknowledged(); } },
                    "Acknowledge and go on"),
                h("a", { href: "#/trust" }, "What is trusted"))));
    if (isNew) heading.focus();
}

function subject(alarm) {
    if (alarm.index !== undefined) return `entry ${alarm.index}`;
    return alarm.key !== undefined ? "an entry" : "the tree";
}

function keyOf(alarm) {
    try {
        return alarm.key === undefined ? null : shownLine(fromHex(alarm.key));
    } catch {
        return null;
    }
}

function treeOf(tree) {
    return tree ? h("code", { class: "hash" }, `${tree.root}@${tree.size}`) : null;
}

function save(alarm) {
    const stamp = String(alarm.time).replaceAll(":", "").slice(0, 17);
    download(`immudb-evidence-${alarm.server ?? "unknown"}-${stamp}.json`, "application/json",
        JSON.stringify(alarm, null, 2) + "\n");
}
