"""The console's own arithmetic, in Chromium, against the vectors and against all small trees."""

import json
import pathlib

from console_browser import Visit
from console_tree import Tree, leaf_digest

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "MerkleTreeTests" / "vectors.json"

PRELUDE = """
const merkle = await import("/console/merkle.js");
const bytes = await import("/console/bytes.js");
const hex = bytes.fromHex, shown = bytes.toHex;
const faults = [];
const holds = async (what, check) => { try { await check(); } catch (error) { faults.push(`${what}: ${error.message}`); } };
const refuses = async (what, check) => {
    try { await check(); faults.push(`${what}: accepted`); } catch (error) {
        if (error.name !== "VerificationFailure") faults.push(`${what}: ${error}`);
    }
};
const same = (a, b) => { if (a !== b) throw new Error(`${a} is not ${b}`); };
const include = (p, root, leaf, index = p.index, at = p.at, path = p.path) => merkle.verifyInclusion({
    leaf: hex(leaf), index: BigInt(index), path: path.map(hex), tree: { size: BigInt(at) + 1n, root: hex(root) } });
const consist = (first, second, firstRoot, secondRoot, path) => merkle.verifyConsistency(
    { size: BigInt(first) + 1n, root: hex(firstRoot) }, { size: BigInt(second) + 1n, root: hex(secondRoot) }, path.map(hex));
"""

VECTOR_CHECKS = PRELUDE + """
let count = 0;
for (const one of v.leaf_digests) {
    count++;
    await holds(`leaf ${one.index}`, async () => same(shown(await merkle.leafDigest(
        { index: BigInt(one.index), key: hex(one.key_hex), value: hex(one.value_hex) })), one.digest));
}
for (const one of v.content) {
    count++;
    const content = { timestamp: BigInt(one.timestamp), payload: hex(one.payload_hex) };
    await holds("content", () => {
        same(shown(bytes.encodeContent(content)), one.encoded_hex);
        const decoded = bytes.decodeContent(hex(one.encoded_hex));
        same(decoded.timestamp, content.timestamp);
        same(shown(decoded.payload), one.payload_hex);
    });
}
for (const raw of ["00", "0800", "1200", "120161ff", "088100", "1201610801", "08", "ff", "12ff"]) {
    count++;
    await holds(`raw ${raw}`, () => same(bytes.decodeContent(hex(raw)), null));
}
for (const tree of [v.tree_plain, v.tree_recorded]) {
    for (const p of tree.inclusion) {
        count++;
        const leaf = tree.items[p.index].leaf, root = p.root, what = `inclusion ${p.index} in ${p.at}`;
        await holds(what, () => include(p, root, leaf));
        await refuses(`${what}, index beyond`, () => include(p, root, leaf, p.at + 1));
        await refuses(`${what}, one node long`, () => include(p, root, leaf, p.index, p.at, [...p.path, root]));
        await refuses(`${what}, other root`, () => include(p, leaf === root ? "00".repeat(32) : leaf, leaf));
        if (p.path.length > 0) {
            await refuses(`${what}, no path`, () => include(p, root, leaf, p.index, p.at, []));
            await refuses(`${what}, one node short`, () => include(p, root, leaf, p.index, p.at, p.path.slice(1)));
            await refuses(`${what}, other index`, () => include(p, root, leaf, p.index === 0 ? 1 : p.index - 1));
            await refuses(`${what}, 31 bytes`, () => include(p, root, leaf, p.index, p.at, [p.path[0].slice(2), ...p.path.slice(1)]));
        }
        if (p.path.length > 1) await refuses(`${what}, reversed`, () => include(p, root, leaf, p.index, p.at, [...p.path].reverse()));
    }
    for (const p of tree.consistency) {
        count++;
        const [old, now, what] = [p.firstRoot, p.secondRoot, `consistency ${p.first} to ${p.second}`];
        await holds(what, () => consist(p.first, p.second, old, now, p.path));
        await refuses(`${what}, long`, () => consist(p.first, p.second, old, now, [...p.path, old]));
        await refuses(`${what}, other roots`, () => consist(p.first, p.second, "00".repeat(32), now, p.path));
        await refuses(`${what}, other new root`, () => consist(p.first, p.second, old, "00".repeat(32), p.path));
        if (p.first < p.second) {
            await refuses(`${what}, shrunk`, () => consist(p.second, p.first, now, old, p.path));
            await refuses(`${what}, no path`, () => consist(p.first, p.second, old, now, []));
        }
    }
}
return { faults, count };
"""

# Links between any two trees of the past, made of the proofs to any later ones.
JOIN_CHECKS = PRELUDE + """
let count = 0;
const tree = (size) => ({ size: BigInt(size), root: hex(v.roots[size]) });
const path = (m, n) => v.paths[`${m}-${n}`].map(hex);
for (let m = 1; m < v.size; m++) for (let n = m; n < v.size; n++) {
    for (let on = n + 1; on <= v.size; on++) for (let beyond = on; beyond <= v.size; beyond++) {
        if (m === n) continue;
        count++;
        await holds(`${m} to ${n} by ${on} and ${beyond}`, async () => {
            const joined = await merkle.joinPaths(tree(m), tree(n),
                { size: BigInt(on), path: path(m, on) }, { size: BigInt(beyond), path: path(n, beyond) });
            same(joined.map(shown).join(), v.paths[`${m}-${n}`].join());
        });
    }
}
return { faults, count };
"""


def check_merkle(browser, url, report):
    with Visit(browser, url) as visit:
        visit.go("keys")
        run = lambda script, values: visit.page.evaluate(f"async (v) => {{ {script} }}", values)
        result = run(VECTOR_CHECKS, json.loads(VECTORS.read_text()))
        assert not result["faults"] and result["count"] > 150, (result["count"], result["faults"][:5])
        report(f"merkle.js agrees with {result['count']} vectors, and refuses what is made from them")
        size = 18
        tree = Tree()
        tree.leaves = [leaf_digest(index, b"k", b"v") for index in range(size)]
        values = {
            "size": size, "roots": [None] + [tree.root(0, end).hex() for end in range(1, size + 1)],
            "paths": {f"{m}-{n}": [node.hex() for node in tree.consistency(m, n)]
                      for m in range(1, size + 1) for n in range(m, size + 1)},
        }
        result = run(JOIN_CHECKS, values)
        assert not result["faults"] and result["count"] > 1000, (result["count"], result["faults"][:5])
        report(f"{result['count']} links between trees of the past are made of proofs to later trees")
