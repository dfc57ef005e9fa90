// The inputs of a form, made from a schema of the document. Each has an `element`, and `read`, which returns its
// value, or undefined to leave the field out.

import { field, h } from "../console/dom.js";
import { fromBase64, fromHex, fromText, toBase64, toPathBase64 } from "../console/bytes.js";

const MAX_UINT64 = 2n ** 64n - 1n;

/** The reason why a form cannot be sent, and the input to change. */
export class InputError extends Error {
    constructor(message, element) {
        super(message);
        this.element = element;
    }
}

/** Returns the input of a value. `resolve` finds the schema of a reference. */
export function makeInput(name, schema, resolve, isRequired = false) {
    const hint = schema.description ?? null;
    const full = resolve(schema);
    const types = [full.type].flat();
    if (full.contentEncoding) return bytesInput(name, full, hint, isRequired);
    if (types.includes("object")) return objectInput(name, full, hint, resolve, isRequired);
    if (types.includes("array")) return listInput(name, full, resolve);
    if (types.includes("boolean")) return booleanInput(name, hint);
    if (types.includes("integer")) return integerInput(name, full, hint, isRequired);
    if (types.includes("number")) return numberInput(name, hint);
    return textInput(name, full, hint);
}

/** The inputs of an object's fields, without a frame around them. */
export function makeFields(schema, resolve) {
    const required = schema.required ?? [];
    const inputs = Object.entries(schema.properties ?? {}).map(([name, inner]) =>
        [name, makeInput(name, inner, resolve, required.includes(name))]);
    return {
        elements: inputs.map(([, input]) => input.element),
        read: () => {
            const values = inputs.map(([name, input]) => [name, input.read()]);
            return Object.fromEntries(values.filter(([, value]) => value !== undefined));
        },
    };
}

function objectInput(name, schema, hint, resolve, isRequired) {
    const fields = makeFields(schema, resolve);
    return {
        element: group(name, hint, h("div", { class: "fields" }, fields.elements)),
        read: () => {
            const value = fields.read();
            return isRequired || Object.keys(value).length > 0 ? value : undefined;
        },
    };
}

function listInput(name, schema, resolve) {
    let items = [];
    const list = h("div", { class: "fields" });
    const add = () => {
        const input = makeInput(name, schema.items, resolve, true);
        const remove = h("button", { type: "button", click: () => {
            items = items.filter((item) => item !== input);
            row.remove();
            more.focus();
        } }, "Remove");
        const row = h("div", { class: "row" }, input.element, remove);
        items.push(input);
        list.append(row);
        return row;
    };
    const more = h("button", { type: "button", click: () => {
        add().querySelector("input, textarea, select")?.focus();
    } }, "Add another");
    add();
    return {
        element: group(`${name}, a list`, schema.description, list, h("div", { class: "actions" }, more)),
        read: () => items.length > 0 ? items.map((item) => item.read()) : undefined,
    };
}

function group(name, hint, ...children) {
    return h("fieldset", {}, h("legend", {}, name), hint ? h("p", { class: "note" }, hint) : null, ...children);
}

/** Bytes as a person types them; the request has them in base64. */
function bytesInput(name, schema, hint, isRequired) {
    const text = h("textarea", { rows: 1, spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
    const form = h("select", { "aria-label": `${name} is given as` },
        h("option", { value: "text" }, "Text"), h("option", { value: "base64" }, "Base64"),
        h("option", { value: "hex" }, "Hex"));
    const element = field(name, text, hint);
    const box = h("div", { class: "bytes" });
    text.replaceWith(box);
    box.append(text, form);
    const isPath = schema.contentEncoding === "base64url";
    return {
        element,
        read: () => {
            if (text.value === "" && !isPath && !isRequired) return undefined;
            const bytes = readBytes(name, text, form.value);
            return isPath ? toPathBase64(bytes) : toBase64(bytes);
        },
    };
}

function readBytes(name, text, form) {
    try {
        switch (form) {
        case "base64": return fromBase64(text.value.trim().replaceAll("-", "+").replaceAll("_", "/"));
        case "hex": return fromHex(text.value.replaceAll(/\s/g, ""));
        default: return fromText(text.value);
        }
    } catch {
        throw new InputError(`${name} is not ${form === "hex" ? "hexadecimal" : "base64 with padding"}.`, text);
    }
}

/** A 64-bit number. It stays a string, since JavaScript's numbers cannot represent all of them. */
function integerInput(name, schema, hint, isRequired) {
    const input = h("input", { inputmode: "numeric", autocomplete: "off", size: 21 });
    return {
        element: field(name, input, hint),
        read: () => {
            const text = input.value.trim();
            if (text === "" && !isRequired) return undefined;
            if (!/^[0-9]{1,20}$/.test(text) || BigInt(text) > MAX_UINT64) {
                throw new InputError(`${name} is not a whole number from 0 to ${MAX_UINT64}.`, input);
            }
            return text;
        },
    };
}

function numberInput(name, hint) {
    const input = h("input", { inputmode: "decimal", autocomplete: "off", size: 12 });
    return {
        element: field(name, input, hint),
        read: () => {
            const text = input.value.trim();
            if (text === "") return undefined;
            if (/^-?Infinity$/.test(text)) return text;
            const number = Number(text);
            if (!Number.isFinite(number)) throw new InputError(`${name} is not a number.`, input);
            return number;
        },
    };
}

function booleanInput(name, hint) {
    const input = h("input", { type: "checkbox" });
    const element = field(name, input, hint);
    element.classList.add("check");
    return { element, read: () => input.checked ? true : undefined };
}

function textInput(name, schema, hint) {
    const input = h("input", { autocomplete: "off", size: 12 });
    return {
        element: field(name, input, hint),
        read: () => {
            const text = input.value.trim();
            if (text === "") return undefined;
            if (schema.pattern && !new RegExp(schema.pattern, "u").test(text)) {
                throw new InputError(`${name} does not match ${schema.pattern}`, input);
            }
            return text;
        },
    };
}
