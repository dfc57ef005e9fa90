// The state of the gateway and of immudb, with rates between two updates.

import { facts, h, notice, table } from "./dom.js";
import { count, plainText } from "./shown.js";

const INTERVAL_MILLISECONDS = 2_000;

export async function showStatus(context) {
    const place = h("div", {});
    let before = null;
    const refresh = async () => {
        const now = await sample(context);
        place.replaceChildren(...report(now, before));
        before = now;
    };
    await refresh();
    context.write(place);
    let isBusy = false;
    const timer = setInterval(async () => {
        if (document.hidden || isBusy || document.getElementById("pause").getAttribute("aria-pressed") === "true") return;
        isBusy = true;
        try {
            await refresh();
        } catch (error) {
            context.refused(error, place);
        }
        isBusy = false;
    }, INTERVAL_MILLISECONDS);
    context.signal.addEventListener("abort", () => clearInterval(timer));
}

async function sample(context) {
    return context.calls(async (calls) => {
        const status = await calls.status();
        let [tree, isHealthy] = [null, null];
        // Without immudb, the gateway's own numbers are still shown.
        try {
            tree = await calls.currentRoot();
            isHealthy = await calls.health();
        } catch (error) {
            if (error.name !== "CallError") throw error;
        }
        return { at: performance.now(), status, tree, isHealthy };
    });
}

function report({ at, status, tree, isHealthy }, before) {
    const gateway = object(status.gateway);
    const immudb = object(status.immudb);
    const seconds = before && (at - before.at) / 1000;
    const rate = (now, then) => (!seconds || !(now >= then) ? "–" : `${((now - then) / seconds).toFixed(1)} / s`);
    const row = (name, now, then) => h("tr", {}, h("th", { scope: "row" }, name),
        h("td", { class: "number" }, Number.isFinite(now) ? count(now) : "–"), h("td", { class: "number" }, rate(now, then)));
    const then = object(before?.status.gateway);
    const problem = immudb.problem ? text(immudb.problem) : null;
    return [
        immudb.isReachable === false || isHealthy === false || problem
            ? notice("warn", h("p", {}, problem ?? (immudb.isReachable === false
                ? "The gateway does not reach immudb." : "immudb takes no writes.")))
            : notice("good", h("p", {}, "Gateway and immudb answer.")),
        table("Counters, since the gateway started", ["Counter", "Total", "Rate"], [
            row("Entries in the tree", tree ? Number(tree.size) : NaN, before?.tree ? Number(before.tree.size) : NaN),
            row("Requests", gateway.requests, then.requests),
            row("Verifications by the gateway", gateway.verifications, then.verifications),
            row("Failed verifications", gateway.failedVerifications, then.failedVerifications),
            row("Connections now", gateway.connections, NaN),
        ]),
        h("h2", {}, "Gateway"),
        facts(["Version", text(status.version)], ["Up for", duration(gateway.uptimeSeconds)],
            ["Users have to log in", yesNo(status.authentication)],
            ["Refuses what it cannot verify", yesNo(gateway.isStrict)]),
        h("h2", {}, "immudb"),
        facts(["Address", immudb.isEmbedded === true ? "in the same process" : text(immudb.address)],
            ["Identity", text(immudb.uuid)], ["Reachable", yesNo(immudb.isReachable)],
            ["Healthy", isHealthy === null ? "unknown" : yesNo(isHealthy)], ["Takes writes", yesNo(immudb.takesWrites)]),
    ];
}

function object(value) {
    return value !== null && typeof value === "object" ? value : {};
}

function text(value) {
    return typeof value === "string" ? plainText(value) : null;
}

function yesNo(value) {
    return value === true ? "yes" : value === false ? "no" : null;
}

function duration(seconds) {
    if (!Number.isFinite(seconds)) return null;
    const [days, hours] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24];
    const [minutes, rest] = [Math.floor(seconds / 60) % 60, Math.floor(seconds % 60)];
    return days ? `${days} d ${hours} h` : hours ? `${hours} h ${minutes} min` : `${minutes} min ${rest} s`;
}
