// Elements without markup: texts become text nodes, so no content can become an element, an attribute or a script.

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element. Attributes that are functions become listeners (`click: …`); null and false are left out. */
export function h(name, attributes = {}, ...children) {
    return filled(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
    return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
        if (value === null || value === undefined || value === false) continue;
        if (typeof value === "function") element.addEventListener(name, value);
        else element.setAttribute(name, value === true ? "" : String(value));
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return element;
}

/** A text input or select with its label. */
export function field(label, input, hint = null) {
    const id = input.id || `field-${field.count++}`;
    input.id = id;
    if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
    return h("div", { class: "field" },
        h("label", { for: id }, label), input, hint ? h("span", { class: "note", id: `${id}-hint` }, hint) : null);
}
field.count = 1;

/** A form whose submission calls `submitted`; nothing is ever sent by the browser itself. */
export function form(label, submitted, ...children) {
    const send = (event) => {
        event.preventDefault();
        submitted(new FormData(event.target));
    };
    return h("form", { "aria-label": label, submit: send }, ...children);
}

/** Pairs of a term and its description; those without a description are left out. */
export function facts(...pairs) {
    const rows = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
    return h("dl", { class: "facts" },
        rows.map(([term, ...value]) => h("div", {}, h("dt", {}, term), h("dd", {}, ...value))));
}

export function notice(kind, ...children) {
    return h("div", { class: `notice ${kind}` }, ...children);
}

/** A table that scrolls by itself where the page is narrow. */
export function table(caption, columns, rows) {
    return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
        h("table", {},
            h("caption", {}, caption),
            h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col" }, column)))),
            h("tbody", {}, rows)));
}

/** Hands a text to the person as a file. */
export function download(name, type, text) {
    const url = URL.createObjectURL(new Blob([text], { type }));
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
