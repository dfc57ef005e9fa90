// Keys and values for display. Their bytes are untrusted: they get into the page only as text, shortened, with every
// character that is invisible, or that moves other text, replaced by its name.

import { toHex } from "./bytes.js";
import { h } from "./dom.js";

// Control and format characters (with those that turn the direction of text), separators and spaces except the usual
// one, private and unassigned characters, letters that are blank, and the fifth and further marks on one letter.
const INVISIBLE =
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\u034f\u115f\u1160\u2800\u3164\uffa0]|(?! )\p{Zs}|(?<=\p{M}{4})\p{M}+/gu;
const SHORT = 64;
const LONG = 4096;

/** Bytes on one line, at most 64 characters. */
export function shownLine(bytes) {
    return shown(bytes, SHORT, false);
}

/** Bytes as a block of lines, at most 4,096 characters. */
export function shownBlock(bytes) {
    return shown(bytes, LONG, true);
}

/** A text from outside for a message: shortened, with its hidden characters named. */
export function plainText(text) {
    return withNames(String(text).slice(0, 300), false).map((part) => part.textContent ?? part).join("");
}

function shown(bytes, limit, isBlock) {
    if (bytes.length === 0) return h("span", { class: "note" }, "(empty)");
    const text = textOf(bytes, limit);
    if (text === null) {
        const isCut = bytes.length > limit / 2;
        return h("span", { class: "bytes" },
            h("span", { class: "control" }, "0x"), toHex(bytes.subarray(0, limit / 2)), isCut ? rest(bytes) : null);
    }
    const characters = Array.from(text);
    const isCut = characters.length > limit;
    const start = isCut ? characters.slice(0, limit).join("") : text;
    return h("bdi", { class: "bytes" }, ...withNames(start, isBlock), isCut ? rest(bytes) : null);
}

/** The text to show, or null if the bytes are not UTF-8. Decodes only the beginning of large values. */
function textOf(bytes, limit) {
    const head = bytes.subarray(0, limit * 4 + 4);
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    try {
        return decoder.decode(head, { stream: head.length < bytes.length });
    } catch {
        return null;
    }
}

function rest(bytes) {
    return h("span", { class: "note" }, ` … (${bytes.length.toLocaleString("en")} bytes)`);
}

function withNames(text, isBlock) {
    const parts = [];
    let end = 0;
    for (const match of text.matchAll(INVISIBLE)) {
        parts.push(text.slice(end, match.index), h("span", { class: "control" }, name(match[0])));
        if (isBlock && match[0] === "\n") parts.push("\n");
        end = match.index + match[0].length;
    }
    return [...parts, text.slice(end)];
}

function name(characters) {
    const code = characters.codePointAt(0);
    if (characters.length > 1 && /^\p{M}/u.test(characters)) return `+${Array.from(characters).length} marks`;
    const short = { "\t": "\\t", "\n": "\\n", "\r": "\\r" }[characters];
    if (short) return short;
    if (code < 0xa0) return `\\x${code.toString(16).padStart(2, "0")}`;
    return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Formats Unix seconds of the writer's clock. */
export function shownTime(seconds) {
    if (seconds === 0n) return "";
    if (seconds > 253402300799n) return `${seconds} s after 1970`;
    return new Date(Number(seconds) * 1000).toISOString().replace("T", " ").replace(".000Z", " UTC");
}

/** A number with separators. */
export function count(number) {
    return number.toLocaleString("en");
}

export function shortHash(bytes) {
    return toHex(bytes.subarray(0, 4));
}
