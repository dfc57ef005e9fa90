// A call: its request, the same request as a curl command, and its answer.

import { fromBase64, toHex, toText } from "../console/bytes.js";

/** Longer answers are cut, since a dump may be too large for a page. */
const SHOWN_BYTE_COUNT = 256 * 1024;

/** Returns the arguments of `fetch`. `values` has the parameters of the path, the header fields and the body. */
export function makeRequest(method, template, values, token) {
    const path = template.replaceAll(/\{(\w+)\}/g, (_, name) => values.path[name] ?? "");
    const headers = { ...values.headers };
    if (token) headers.Authorization = `Bearer ${token}`;
    const request = { method: method.toUpperCase(), url: location.origin + path, headers };
    if (values.body !== undefined) {
        headers["Content-Type"] = "application/json";
        request.body = JSON.stringify(values.body);
    }
    return request;
}

/** Returns a shell command. The token is a variable in it, so that it does not get into the shell's history. */
export function curl(request) {
    const parts = ["curl"];
    if (request.method !== "GET") parts.push("-X", request.method);
    for (const [name, value] of Object.entries(request.headers)) {
        parts.push("-H", name === "Authorization" ? "\"Authorization: Bearer $TOKEN\"" : quoted(`${name}: ${value}`));
    }
    if (request.body !== undefined) parts.push("--data-binary", quoted(request.body));
    return [...parts, quoted(request.url)].join(" ");
}

function quoted(text) {
    return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Sends a request, and returns its answer; throws if there is none. */
export async function send(request, signal) {
    const began = performance.now();
    const { method, url, headers, body } = request;
    const answer = await fetch(url, { method, headers, body, signal, cache: "no-store", credentials: "omit" });
    const { text, isComplete } = await beginning(answer);
    return {
        status: answer.status, statusText: answer.statusText, headers: [...answer.headers], text, isComplete,
        milliseconds: Math.round(performance.now() - began),
    };
}

async function beginning(answer) {
    const reader = answer.body?.getReader();
    const decoder = new TextDecoder();
    let text = "";
    for (let count = 0; reader;) {
        const { done, value } = await reader.read();
        if (done) break;
        text += decoder.decode(value, { stream: true });
        count += value.length;
        if (count >= SHOWN_BYTE_COUNT) {
            await reader.cancel();
            return { text, isComplete: false };
        }
    }
    return { text: text + decoder.decode(), isComplete: true };
}

/** Adds line breaks to JSON. Values stay as they are written, since parsing would change 64-bit numbers. */
export function indented(json) {
    let out = "";
    let depth = 0;
    const line = () => `\n${"  ".repeat(depth)}`;
    for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"?|[{[]\s*[}\]]|[{}[\],:]|\n|[^\s"{}[\],:]+/g)) {
        if (token === "{" || token === "[") {
            depth++;
            out += token + line();
        } else if (token === "}" || token === "]") {
            depth = Math.max(0, depth - 1);
            out += line() + token;
        } else if (token === ",") {
            out += token + line();
        } else if (token === ":") {
            out += ": ";
        } else {
            out += token;
        }
    }
    return out;
}

/** The bytes of an answer, which the schema distinguishes from other strings: pairs of a path and the bytes as text. */
export function decoded(value, schema, resolve, place = "") {
    const full = resolve(schema);
    if (full.anyOf) return full.anyOf.flatMap((one) => decoded(value, one, resolve, place));
    if (full.contentEncoding && typeof value === "string") return [[place, shown(value)]];
    if (Array.isArray(value) && full.items) {
        return value.flatMap((element, i) => decoded(element, full.items, resolve, `${place}[${i}]`));
    }
    if (value === null || typeof value !== "object") return [];
    return Object.entries(full.properties ?? {}).filter(([name]) => name in value).flatMap(([name, inner]) =>
        decoded(value[name], inner, resolve, place ? `${place}.${name}` : name));
}

function shown(base64) {
    const bytes = fromBase64(base64);
    const text = toText(bytes);
    // Shown as text only if all of it is readable.
    return text !== null && !/[\p{Cc}\p{Cf}]/u.test(text) ? text : `hex ${toHex(bytes)}`;
}
