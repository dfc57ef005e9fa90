// The receipt of an entry: the text that `immuclient receipt` writes and `immuclient verify-receipt` checks offline.

import { decodeContent, payloadOf, toHex, toText } from "./bytes.js";

const LONGEST_LINE = 200;

/** The receipt of a proven entry. Lines that begin with # are for people and not checked. */
export function receiptText({ server, entry, leaf, tree, path }) {
    const content = decodeContent(entry.value);
    const lines = [
        "immudb receipt 1",
        "# Proves that the entry below is in the tree of the root below, which is of the immudb",
        "# server named below, says who gave you this. Compare the root with one that you trust.",
        "# Check it offline: immuclient verify-receipt <this file> [<root that you trust>]",
        `# key as text: ${commentOf(entry.key)}`,
        `# value as text: ${commentOf(payloadOf(entry.value))}`,
        ...(content ? [`# time as the writer's clock had it: ${timeOf(content.timestamp)}`] : []),
        `server: ${server}`,
        `index: ${entry.index}`,
        `key: ${toHex(entry.key)}`,
        `value: ${toHex(entry.value)}`,
        `hash: ${toHex(leaf)}`,
        `root-index: ${tree.size - 1n}`,
        `root: ${toHex(tree.root)}`,
        ...path.map((node) => `path: ${toHex(node)}`),
    ];
    return lines.join("\n") + "\n";
}

export function receiptName({ server, entry }) {
    return `immudb-receipt-${server}-${entry.index}.txt`;
}

/** One line of text, or a note that the bytes are not text: a receipt must not control a terminal. */
function commentOf(bytes) {
    const text = toText(bytes);
    if (text === null) return `(${bytes.length} bytes that are no text)`;
    if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text)) return `(${bytes.length} bytes with control characters)`;
    const characters = Array.from(text);
    return characters.length <= LONGEST_LINE
        ? text : `${characters.slice(0, LONGEST_LINE).join("")}… (${bytes.length} bytes)`;
}

function timeOf(seconds) {
    if (seconds >= 253402300800n) return `${seconds} s after 1970`;
    return new Date(Number(seconds) * 1000).toISOString().replace(".000Z", "Z");
}
