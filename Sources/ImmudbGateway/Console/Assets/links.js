// Addresses of the console's pages, and the bytes in addresses and inputs.

import { fromBase64, fromHex, fromLink, fromText, toHex, toLink, toText } from "./bytes.js";
import { h } from "./dom.js";

export function entryLink(key, ...children) {
    return h("a", { href: `#/entry/${toLink(key)}` }, ...children);
}

export function proofLink(index, ...children) {
    return h("a", { href: `#/proof/${index}` }, ...children);
}

export function indexLink(index) {
    return h("a", { href: `#/index/${index}` }, `${index}`);
}

/** The index in an address, or null. */
export function parseIndex(text) {
    return /^(0|[1-9][0-9]{0,18})$/.test(text) ? BigInt(text) : null;
}

/** The bytes in an address, or null. */
export function parseLink(text) {
    try {
        return fromLink(text);
    } catch {
        return null;
    }
}

export const FORMS = { text: "text", hex: "hexadecimal", base64: "base64" };

/** The bytes of a typed text. Throws a SyntaxError. */
export function typed(text, form) {
    if (form === "hex") return fromHex(text.replaceAll(/\s/g, ""));
    return form === "base64" ? fromBase64(text.trim()) : fromText(text);
}

/** A text, with its format, that `typed` turns into these bytes. */
export function retyped(bytes) {
    const text = toText(bytes);
    const isPlain = text !== null && !/[\p{Cc}\p{Cf}]/u.test(text);
    return isPlain ? { text, form: "text" } : { text: toHex(bytes), form: "hex" };
}

export function go(name, parameters) {
    const used = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
    const query = new URLSearchParams(Object.fromEntries(used)).toString();
    return `#/${name}${query ? `?${query}` : ""}`;
}
