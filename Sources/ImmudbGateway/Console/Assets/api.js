// The calls of the gateway. Answers are untrusted: they are read into bytes and BigInts here, field by field, and an
// answer of another form is an error.

import { fromBase64, toBase64, toPathBase64 } from "./bytes.js";
import { EMPTY_ROOT, LARGEST_SIZE, VerificationFailure, requireDigest } from "./merkle.js";
import { plainText } from "./shown.js";

const BASE = "/v1/immurestproxy/";
const IDENTITY = "Grpc-Metadata-Immudb-Uuid";
const TIMEOUT_MILLISECONDS = 20_000;
// A list is at most one message of immudb, 32 MiB by default, and base64 makes it a third longer.
const LARGEST_ANSWER = 64 << 20;
// The parts of each answer that are kept as evidence.
const LARGEST_EVIDENCE = 1 << 20;

/** An error answer, or no answer. It is not evidence. */
export class CallError extends Error {
    /** `status` is the HTTP status, 0 without an answer; `code` is the gRPC code. */
    constructor(message, status = 0, code = 0) {
        super(message);
        this.name = "CallError";
        this.status = status;
        this.code = code;
    }

    get isNotFound() { return this.code === 5; }
    get needsLogin() { return this.status === 401; }
}

/**
 * The gateway at this page's own address, and the token of a user. The token is in sessionStorage, so it ends with
 * the tab.
 */
export class Connection {
    constructor(storage) {
        this.storage = storage;
    }

    get token() { return this.storage.getItem("immudb-console.token"); }

    async login(user, password) {
        const utf8 = new TextEncoder();
        const body = { user: toBase64(utf8.encode(user)), password: toBase64(utf8.encode(password)) };
        const answer = await this.calls().send("POST", "login", body);
        const token = new TextDecoder().decode(bytes(answer.token, "the token"));
        if (!/^[\x21-\x7e]+$/.test(token)) throw new CallError("the gateway answered without a token");
        this.storage.setItem("immudb-console.token", token);
    }

    logout() {
        this.storage.removeItem("immudb-console.token");
    }

    /** A group of calls that belong together and are kept as evidence together. */
    calls(signal = null) {
        return new Calls(this, signal);
    }
}

export class Calls {
    constructor(connection, signal) {
        this.connection = connection;
        this.signal = signal;
        this.exchanges = [];
        /** immudb's identity in the last answer; null if it had none. */
        this.identity = null;
        /** Called with the identity in each answer; may throw. */
        this.checkIdentity = () => {};
    }

    // The calls, by the names of the wire.

    async currentRoot() {
        const answer = await this.send("GET", "root");
        const root = bytes(answer.root, "root");
        return root.length === 0 && number(answer.index, "index") === 0n
            ? { size: 0n, root: EMPTY_ROOT } : tree(answer.index, root);
    }

    async byIndex(index) {
        return item(await this.send("GET", `item/index/${index}`));
    }

    async get(key) {
        return item(await this.send("GET", `item/${toPathBase64(key)}`));
    }

    async inclusion(index) {
        const answer = await this.send("GET", `inclusionproof/${index}`);
        return {
            index: number(answer.index, "index"), tree: tree(answer.at, bytes(answer.root, "root")),
            leaf: requireDigest(bytes(answer.leaf, "leaf"), "the leaf"), path: path(answer.path),
        };
    }

    async consistency(first) {
        const answer = await this.send("GET", `consistencyproof/${first}`);
        return {
            first: number(answer.first, "first"), tree: tree(answer.second, bytes(answer.secondRoot, "secondRoot")),
            path: path(answer.path),
        };
    }

    async scan({ prefix, offset, limit, reverse }) {
        const body = { prefix: toBase64(prefix), offset: toBase64(offset), limit, reverse };
        return items(await this.send("POST", "item/scan", body));
    }

    async zScan({ set, limit, reverse }) {
        return items(await this.send("POST", "zscan", { set: toBase64(set), limit, reverse }));
    }

    /** The versions of a key, the newest first. The gateway has decoded their values. */
    async history(key) {
        const answer = await this.send("GET", `history/${toPathBase64(key)}`);
        return list(answer.items, "items").map((one) => ({
            index: number(one.index, "index"), key: bytes(one.key, "key"),
            timestamp: roughly(one.value?.timestamp), payload: bytes(one.value?.payload, "payload"),
        }));
    }

    async health() {
        return (await this.send("GET", "healthresponse")).status === true;
    }

    /** The gateway's own state, whose fields are all for display. */
    status() {
        return this.send("GET", null);
    }

    /** Sends one request, and returns the JSON object of a success. */
    async send(method, route, body = null) {
        const url = route === null ? "/console/status" : BASE + route;
        const exchange = { time: new Date().toISOString(), method: `${method} ${url}` };
        // Never keeps a password.
        if (body && route !== "login") exchange.request = body;
        this.exchanges.push(exchange);
        const headers = { Accept: "application/json" };
        if (body) headers["Content-Type"] = "application/json";
        if (this.connection.token && route !== "login") headers.Authorization = `Bearer ${this.connection.token}`;
        const timeout = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
        let answer, text;
        try {
            answer = await fetch(url, {
                method, headers, body: body && JSON.stringify(body), cache: "no-store", redirect: "error",
                credentials: "same-origin", signal: this.signal ? AbortSignal.any([this.signal, timeout]) : timeout,
            });
            text = await readText(answer);
        } catch (error) {
            if (this.signal?.aborted || error instanceof CallError) throw error;
            exchange.error = String(error.message);
            throw new CallError(timeout.aborted ? "the gateway does not answer in time" : "the gateway cannot be reached");
        }
        exchange.status = answer.status;
        if (route !== "login") exchange.response = text.slice(0, LARGEST_EVIDENCE);
        const identity = answer.headers.get(IDENTITY);
        if (identity !== null) {
            exchange.server = identity;
            this.identity = identity;
            this.checkIdentity(identity);
        }
        const json = parsed(text);
        if (!answer.ok) throw refusal(answer, json);
        if (json === null) throw new CallError(`the gateway's answer to ${method} ${url} is not a JSON object`, answer.status);
        return json;
    }
}

async function readText(answer) {
    const reader = answer.body?.getReader();
    if (!reader) return "";
    const decoder = new TextDecoder();
    let [text, length] = ["", 0];
    for (;;) {
        const { done, value } = await reader.read();
        if (done) return text + decoder.decode();
        length += value.length;
        if (length > LARGEST_ANSWER) {
            reader.cancel().catch(() => {});
            throw new CallError(`the gateway's answer is larger than ${LARGEST_ANSWER >> 20} MiB`);
        }
        text += decoder.decode(value, { stream: true });
    }
}

function parsed(text) {
    try {
        const json = JSON.parse(text);
        return json !== null && typeof json === "object" && !Array.isArray(json) ? json : null;
    } catch {
        return null;
    }
}

/** DataLoss means that immudb itself reports a changed entry on its disk: that is evidence. */
function refusal(answer, json) {
    const said = typeof json?.message === "string" ? plainText(json.message) : `HTTP status ${answer.status}`;
    if (json?.code === 15) return new VerificationFailure("dataLoss", `immudb reports damage: ${said}`);
    return new CallError(said, answer.status, json?.code ?? 0);
}

// Fields. The standard routes of the gateway write 64-bit numbers as texts, its own ones as numbers, and leave out zeros.

function number(value, name) {
    if (value === undefined || value === null) return 0n;
    if (typeof value === "string" && /^(0|[1-9][0-9]{0,19})$/.test(value)) {
        const all = BigInt(value);
        if (all < 1n << 64n) return all;
    }
    // JavaScript has rounded larger numbers.
    if (Number.isSafeInteger(value) && value >= 0) return BigInt(value);
    throw new VerificationFailure("malformedProof", `${name} of the answer is not an exact number`);
}

/** A time for display: the gateway writes it as a number, which JavaScript rounds if a writer has made it large. */
function roughly(value) {
    return Number.isInteger(value) && value >= 0 ? BigInt(value) : 0n;
}

function bytes(value, name) {
    if (value === undefined || value === null) return new Uint8Array();
    try {
        return fromBase64(value);
    } catch {
        throw new VerificationFailure("malformedProof", `${name} of the answer is not base64`);
    }
}

function list(value, name) {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value) && value.every((one) => one !== null && typeof one === "object")) return value;
    throw new VerificationFailure("malformedProof", `${name} of the answer is not a list`);
}

function path(value) {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value) || value.length > 128) {
        throw new VerificationFailure("malformedProof", "the path of the answer is not a list of at most 128 nodes");
    }
    return value.map((node, place) => requireDigest(bytes(node, "path"), `node ${place} of the path`));
}

/** The wire has the last index of a tree where this console has its size. */
function tree(lastIndex, root) {
    const size = number(lastIndex, "the last index") + 1n;
    if (size > LARGEST_SIZE) throw new VerificationFailure("malformedProof", `no tree has ${size} entries`);
    return { size, root: requireDigest(root, "the root") };
}

function item(value) {
    return { key: bytes(value.key, "key"), value: bytes(value.value, "value"), index: number(value.index, "index") };
}

function items(answer) {
    return list(answer.items, "items").map(item);
}
