// Pictures: the path of a proof, and the peaks of a tree. The text beside them has every fact in them, too.

import { svg } from "./dom.js";
import { peaks } from "./merkle.js";
import { count, shortHash } from "./shown.js";

const ROW = 62;
const BOX = { width: 96, height: 36 };
const X = { left: 6, middle: 112, right: 218 };

/** The path from a leaf, at the bottom, to the root. Siblings are on their side. */
export function drawPath({ leaf, entry, steps, tree }) {
    const height = steps.length * ROW + BOX.height + 12;
    const y = (level) => height - 6 - BOX.height - level * ROW;
    const boxes = [];
    const lines = [];
    const box = (kind, x, level, hash, label) => {
        boxes.push(svg("g", { class: `node ${kind}` },
            svg("rect", { x, y: y(level), width: BOX.width, height: BOX.height, rx: 6 }),
            svg("text", { x: x + BOX.width / 2, y: y(level) + 15, class: "hash" }, shortHash(hash)),
            svg("text", { x: x + BOX.width / 2, y: y(level) + 29 }, label)));
    };
    const line = (x, level, kind) => lines.push(svg("path", {
        class: `edge ${kind}`,
        d: `M${x + BOX.width / 2} ${y(level)} L${X.middle + BOX.width / 2} ${y(level + 1) + BOX.height}`,
    }));
    box(steps.length === 0 ? "root" : "leaf", X.middle, 0, leaf, `entry ${entry.index}`);
    steps.forEach(({ side, sibling, parent, left, right, hash }, level) => {
        box("sibling", X[side], level, side === "left" ? left : right, range(sibling));
        line(X[side], level, "");
        line(X.middle, level, "own");
        const isRoot = level === steps.length - 1;
        box(isRoot ? "root" : "inner", X.middle, level + 1, hash, isRoot ? `root of ${tree.size}` : range(parent));
    });
    return svg("svg", { class: "drawing", viewBox: `0 0 320 ${height}`, role: "img", "aria-label":
        `The path from the leaf of entry ${entry.index} to the root: ${steps.length} siblings. The steps are listed below.` },
        ...lines, ...boxes);
}

/** The complete subtrees of a tree as mountains, joined from the right to the root. */
export function drawPeaks(size) {
    const all = peaks(size);
    const label = `A tree of ${size} entries: ${peakText(size)}`;
    if (all.length === 0) {
        return svg("svg", { class: "drawing", viewBox: "0 0 320 60", role: "img", "aria-label": "An empty tree" },
            svg("text", { x: 160, y: 34, class: "node" }, "empty"));
    }
    const shares = all.map(({ level }) => level + 3);
    const unit = 308 / shares.reduce((sum, share) => sum + share, 0);
    const floor = 190;
    const rise = Math.min(10, 70 / (all[0].level + 1));
    let x = 6;
    const tops = all.map(({ level }, place) => {
        const [from, to] = [x, x + shares[place] * unit];
        x = to;
        return { level, from: from + 1, to: to - 1, x: (from + to) / 2, y: floor - 14 - rise * level };
    });
    const shapes = tops.map(({ from, to, x, y }) =>
        svg("path", { class: "peak", d: `M${from} ${floor} L${x} ${y} L${to} ${floor} Z` }));
    const labels = tops.filter(({ from, to }) => to - from > 26).map(({ x, level }) =>
        svg("text", { x, y: floor + 16 }, count(1n << BigInt(level))));
    // The root of the peaks on the right is one node, joined with the next peak on the left, and so on.
    const joints = [];
    let right = tops.at(-1);
    for (let place = tops.length - 2; place >= 0; place--) {
        const left = tops[place];
        const joint = { x: (left.x + right.x) / 2, y: Math.min(left.y, right.y) - Math.max(60 / all.length, 2) };
        for (const end of [left, right]) {
            joints.push(svg("path", { class: "edge own", d: `M${end.x} ${end.y} L${joint.x} ${joint.y}` }));
        }
        joints.push(svg("circle", { class: "joint", cx: joint.x, cy: joint.y, r: place === 0 ? 5 : 3 }));
        right = joint;
    }
    if (all.length === 1) joints.push(svg("circle", { class: "joint", cx: right.x, cy: right.y, r: 5 }));
    const top = right.y - 26;
    const root = svg("text", { x: Math.min(Math.max(right.x, 24), 296), y: right.y - 11, class: "hash" }, "root");
    return svg("svg", { class: "drawing", viewBox: `0 ${top} 320 ${floor + 24 - top}`, role: "img", "aria-label": label },
        ...shapes, ...joints, ...labels, root);
}

/** The peaks as a sum: 42 = 32 + 8 + 2. */
export function peakText(size) {
    return size === 0n ? "no entry" : peaks(size).map(({ from, to }) => count(to - from)).join(" + ");
}

/** The entries that a node covers. */
export function range({ from, to }) {
    return to - from === 1n ? `${from}` : `${from}–${to - 1n}`;
}
