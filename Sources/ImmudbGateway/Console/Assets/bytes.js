// Bytes and their texts: base64, hexadecimal, UTF-8, and the Content that clients of immudb store.

/** Bytes of standard base64. Throws a SyntaxError for anything else. */
export function fromBase64(text) {
    if (typeof text !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) {
        throw new SyntaxError("not base64");
    }
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
}

export function toBase64(bytes) {
    const pieces = [];
    // In pieces, since the number of arguments of a call is limited.
    for (let i = 0; i < bytes.length; i += 8192) {
        pieces.push(String.fromCharCode(...bytes.subarray(i, i + 8192)));
    }
    return btoa(pieces.join(""));
}

/** Base64 for a path of the gateway: the URL-safe alphabet, with padding. */
export function toPathBase64(bytes) {
    return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_");
}

/** Base64 for a link of the console: the URL-safe alphabet, without padding. */
export function toLink(bytes) {
    return toPathBase64(bytes).replaceAll("=", "");
}

export function fromLink(text) {
    const standard = text.replaceAll("-", "+").replaceAll("_", "/").replaceAll("=", "");
    return fromBase64(standard + "=".repeat((4 - (standard.length % 4)) % 4));
}

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function toHex(bytes) {
    let text = "";
    for (const byte of bytes) text += DIGITS[byte];
    return text;
}

export function fromHex(text) {
    if (!/^([0-9a-fA-F]{2})*$/.test(text)) throw new SyntaxError("not hexadecimal");
    return Uint8Array.from(text.match(/../g) ?? [], (digits) => parseInt(digits, 16));
}

export function fromText(text) {
    return new TextEncoder().encode(text);
}

/** The text of UTF-8, or null for other bytes. */
export function toText(bytes) {
    try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
        return null;
    }
}

export function concat(...parts) {
    const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let end = 0;
    for (const part of parts) {
        all.set(part, end);
        end += part.length;
    }
    return all;
}

/** -1, 0 or 1: the order of the database's keys, that of unsigned bytes. */
export function compare(a, b) {
    const length = Math.min(a.length, b.length);
    for (let i = 0; i < length; i++) {
        if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
    }
    return Math.sign(a.length - b.length);
}

export function equal(a, b) {
    return a.length === b.length && compare(a, b) === 0;
}

export function startsWith(bytes, prefix) {
    return bytes.length >= prefix.length && equal(bytes.subarray(0, prefix.length), prefix);
}

/** Eight bytes, big-endian. */
export function uint64(number) {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
    return bytes;
}

/** The encoding of Content: protobuf's field 1, a varint of Unix seconds, then field 2, the payload. */
export function encodeContent({ timestamp, payload }) {
    const varint = (number) => {
        const bytes = [];
        for (; number >= 0x80n; number >>= 7n) bytes.push(Number(number & 0x7fn) | 0x80);
        return Uint8Array.from([...bytes, Number(number)]);
    };
    const parts = [];
    if (timestamp !== 0n) parts.push(Uint8Array.of(0x08), varint(timestamp));
    if (payload.length > 0) parts.push(Uint8Array.of(0x12), varint(BigInt(payload.length)), payload);
    return concat(...parts);
}

/**
 * The Content in a stored value; null if the value is raw. A value counts as Content only if encoding it again gives
 * the same bytes: there is no other distinction.
 */
export function decodeContent(value) {
    let end = 0;
    const varint = () => {
        let number = 0n;
        for (let shift = 0n; shift < 64n && end < value.length; shift += 7n) {
            const byte = value[end++];
            number |= BigInt(byte & 0x7f) << shift;
            if (byte < 0x80) return BigInt.asUintN(64, number);
        }
        return null;
    };
    const content = { timestamp: 0n, payload: new Uint8Array() };
    if (value[end] === 0x08) {
        end++;
        content.timestamp = varint();
        if (content.timestamp === null) return null;
    }
    if (value[end] === 0x12) {
        end++;
        const length = varint();
        if (length === null || length !== BigInt(value.length - end)) return null;
        content.payload = value.subarray(end);
    }
    return equal(encodeContent(content), value) ? content : null;
}

/** The application's data in a stored value. */
export function payloadOf(value) {
    return decodeContent(value)?.payload ?? value;
}

/**
 * The parts of an entry that may be a member of a sorted set: set ‖ score ‖ member, with the member as its value.
 * Null if it is not one. The API does not return the kind of an entry, so this is a guess.
 */
export function memberParts({ key, value }) {
    const setLength = key.length - 8 - value.length;
    if (value.length === 0 || setLength < 1 || !equal(key.subarray(setLength + 8), value)) return null;
    const score = new DataView(key.buffer, key.byteOffset + setLength, 8).getFloat64(0);
    return Number.isNaN(score) ? null : { set: key.subarray(0, setLength), score, member: value };
}
