// The tree of RFC 6962 over the entries, and its proofs. Every hash is computed here, by WebCrypto. Sizes and indexes are
// BigInts. A tree is { size, root }; api.js turns the wire's last index into a size when it reads answers.

import { concat, equal, fromHex, toHex, uint64 } from "./bytes.js";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export const EMPTY_ROOT = fromHex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
export const LARGEST_SIZE = 1n << 63n;

/** A check that failed: evidence, which must not be retried until it passes. */
export class VerificationFailure extends Error {
    /**
     * `check` is a code of the immudb clients. `facts` may have: index and key of the entry, trusted and claimed
     * (trees), path.
     */
    constructor(check, message, facts = {}) {
        super(message);
        this.name = "VerificationFailure";
        this.check = check;
        this.facts = facts;
    }

    /** The same failure, with facts that the failed check did not have. */
    completed(facts) {
        this.facts = { ...facts, ...this.facts };
        return this;
    }
}

/** Refuses digests that do not have 32 bytes, instead of cutting or padding them. */
export function requireDigest(bytes, name) {
    if (bytes.length !== 32) {
        throw new VerificationFailure("malformedProof", `${name} has ${bytes.length} bytes instead of 32`);
    }
    return bytes;
}

export async function sha256(...parts) {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}

/** H( 00 ‖ index ‖ length of the key ‖ key ‖ value ) */
export function leafDigest({ index, key, value }) {
    return sha256(LEAF, uint64(index), uint64(key.length), key, value);
}

/** H( 01 ‖ left ‖ right ) */
export function nodeDigest(left, right) {
    return sha256(NODE, left, right);
}

/** The largest power of two below `size`, which is at least 2: the number of leaves on the left. */
function split(size) {
    return 1n << BigInt((size - 1n).toString(2).length - 1);
}

/** The text form of a tree, to be kept: <64 hexadecimal digits>@<size>. */
export function treeText({ size, root }) {
    return `${toHex(root)}@${size}`;
}

/** The tree of a text, or null. */
export function parseTree(text) {
    const match = /^([0-9a-f]{64})@(0|[1-9][0-9]{0,18})$/i.exec(text.trim());
    if (!match) return null;
    const tree = { size: BigInt(match[2]), root: fromHex(match[1]) };
    if (tree.size > LARGEST_SIZE || (tree.size === 0n && !equal(tree.root, EMPTY_ROOT))) return null;
    return tree;
}

export function sameTree(a, b) {
    return a.size === b.size && equal(a.root, b.root);
}

/** The complete subtrees of which a tree consists, from the left: { from, to, level }. */
export function peaks(size) {
    const all = [];
    let from = 0n;
    for (let level = size.toString(2).length - 1; level >= 0; level--) {
        const width = 1n << BigInt(level);
        if ((size & width) === 0n) continue;
        all.push({ from, to: from + width, level });
        from += width;
    }
    return all;
}

/**
 * The turns from a leaf to the root, lowest first. Each has the side of the sibling, and the leaves that the sibling
 * and the parent cover.
 */
export function auditShape(index, size) {
    const turns = [];
    let [from, to] = [0n, size];
    while (to - from > 1n) {
        const middle = from + split(to - from);
        const parent = { from, to };
        if (index < middle) {
            turns.push({ side: "right", sibling: { from: middle, to }, parent });
            to = middle;
        } else {
            turns.push({ side: "left", sibling: { from, to: middle }, parent });
            from = middle;
        }
    }
    return turns.reverse();
}

/**
 * Verifies that the leaf is in the tree at the index. Returns the steps to the root, each with its hashes:
 * parent = H(01 ‖ left ‖ right).
 */
export async function verifyInclusion({ leaf, index, path, tree }) {
    const facts = { index, claimed: tree, path };
    requireDigest(leaf, "the leaf");
    requireDigest(tree.root, "the root");
    path.forEach((node, place) => requireDigest(node, `node ${place} of the path`));
    if (index >= tree.size || tree.size > LARGEST_SIZE) {
        throw new VerificationFailure(
            "malformedProof", `a tree of ${tree.size} entries does not have the index ${index}`, facts);
    }
    const shape = auditShape(index, tree.size);
    if (path.length !== shape.length) {
        throw new VerificationFailure(
            "malformedProof",
            `the path has ${path.length} nodes; index ${index} in ${tree.size} entries needs ${shape.length}`, facts);
    }
    const steps = [];
    let hash = leaf;
    for (const [place, turn] of shape.entries()) {
        const [left, right] = turn.side === "left" ? [path[place], hash] : [hash, path[place]];
        hash = await nodeDigest(left, right);
        steps.push({ ...turn, left, right, hash });
    }
    if (!equal(hash, tree.root)) {
        throw new VerificationFailure(
            "inclusionFailed",
            `the path from entry ${index} leads to ${toHex(hash)}, which is not the root of the tree`, facts);
    }
    return steps;
}

/**
 * The nodes of a consistency proof of 0 < m < n, lowest first. `first` is the last complete subtree of the older
 * tree; it is sent unless it is the whole older tree. Siblings on the left belong to both trees, those on the right
 * to the newer one.
 */
export function consistencyShape(m, n) {
    const turns = [];
    let [from, to, isSent] = [0n, n, false];
    while (to !== m) {
        const middle = from + split(to - from);
        if (m <= middle) {
            turns.push({ side: "right", sibling: { from: middle, to } });
            to = middle;
        } else {
            turns.push({ side: "left", sibling: { from, to: middle } });
            from = middle;
            isSent = true;
        }
    }
    return { first: { from, to }, isSent, turns: turns.reverse() };
}

/** Verifies that the newer tree begins with the older one. Returns the steps, each with the hash of both trees. */
export async function verifyConsistency(older, newer, path) {
    const facts = { trusted: older, claimed: newer, path };
    requireDigest(older.root, "the older root");
    requireDigest(newer.root, "the newer root");
    path.forEach((node, place) => requireDigest(node, `node ${place} of the consistency path`));
    if (newer.size > LARGEST_SIZE) {
        throw new VerificationFailure("malformedProof", `no tree has ${newer.size} entries`, facts);
    }
    if (newer.size < older.size) {
        throw new VerificationFailure(
            "treeShrank", `the tree has ${newer.size} entries, but it had ${older.size} before`, facts);
    }
    const shape =
        older.size === 0n || older.size === newer.size
            ? { isSent: false, turns: [] }
            : consistencyShape(older.size, newer.size);
    const length = shape.turns.length + (shape.isSent ? 1 : 0);
    if (path.length !== length) {
        throw new VerificationFailure(
            "malformedProof",
            `the consistency path has ${path.length} nodes; from ${older.size} to ${newer.size} needs ${length}`, facts);
    }
    if (older.size === newer.size && !equal(older.root, newer.root)) {
        throw new VerificationFailure(
            "consistencyFailed", `two trees of ${older.size} entries have different roots`, facts);
    }
    if (older.size === 0n && !equal(older.root, EMPTY_ROOT)) {
        throw new VerificationFailure("consistencyFailed", "an empty tree has only one root", facts);
    }
    if (shape.turns.length === 0) return { first: null, steps: [] };

    const first = shape.isSent ? path[0] : older.root;
    const siblings = shape.isSent ? path.slice(1) : path;
    const steps = [];
    let [old, now] = [first, first];
    for (const [place, turn] of shape.turns.entries()) {
        const sibling = siblings[place];
        if (turn.side === "left") old = await nodeDigest(sibling, old);
        now = await (turn.side === "left" ? nodeDigest(sibling, now) : nodeDigest(now, sibling));
        steps.push({ ...turn, node: sibling, old, now });
    }
    if (!equal(old, older.root)) {
        throw new VerificationFailure(
            "consistencyFailed", `the proof does not lead to the root of the ${older.size} older entries`, facts);
    }
    if (!equal(now, newer.root)) {
        throw new VerificationFailure(
            "consistencyFailed", `the tree of ${newer.size} entries does not begin with that of ${older.size}`, facts);
    }
    return { first: { ...shape.first, hash: first }, steps };
}

/**
 * Makes the consistency path from `older` to `newer` from two proofs to later trees, one from each. A server that has
 * grown has no proof that ends at an earlier tree, but these two proofs contain its nodes. The result is not trusted:
 * `verifyConsistency` checks it.
 *
 * `onward` and `beyond` are { size, path }: the proofs from older and from newer.
 */
export async function joinPaths(older, newer, onward, beyond) {
    if (older.size === 0n || older.size === newer.size) return [];
    const nodes = knownNodes(older, onward);
    const newest = knownNodes(newer, beyond);
    const path = [];
    const shape = consistencyShape(older.size, newer.size);
    const ranges = [...(shape.isSent ? [shape.first] : []), ...shape.turns.map((turn) => turn.sibling)];
    for (const { from, to } of ranges) {
        // At the right edge of the newer tree a node consists of several of its peaks.
        const node = nodes.get(`${from}-${to}`) ?? await joined(newest, newer.size, from);
        if (!node) throw new VerificationFailure("malformedProof", `no proof has the node of entries ${from} to ${to - 1n}`);
        path.push(node);
    }
    return path;
}

/** The complete nodes that a consistency proof names, by the entries that they cover. */
function knownNodes(tree, { size, path }) {
    const shape = consistencyShape(tree.size, size);
    const hashes = shape.isSent ? path : [tree.root, ...path];
    const nodes = new Map([[`${shape.first.from}-${shape.first.to}`, hashes[0]]]);
    shape.turns.forEach(({ sibling }, place) => nodes.set(`${sibling.from}-${sibling.to}`, hashes[place + 1]));
    return nodes;
}

/** The node over all peaks of a tree from a leaf on; null if one is not known. */
async function joined(nodes, size, from) {
    let hash = null;
    for (const peak of peaks(size).reverse()) {
        if (peak.from < from) break;
        const node = nodes.get(`${peak.from}-${peak.to}`);
        if (!node) return null;
        hash = hash ? await nodeDigest(node, hash) : node;
    }
    return hash;
}
