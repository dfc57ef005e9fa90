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
        h("label", { for: id }, label), hint ? h("span", { class: "note", id: `${id}-hint` }, hint) : null, input);
}
field.count = 1;

/** A form whose submission calls `submitted`; the browser itself never sends it. */
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

/**
 * A table, which becomes a list of cards on a narrow page (console.css). The roles are explicit, since a browser
 * drops the role of a cell that is laid out as something else.
 */
export function table(caption, columns, rows) {
    for (const row of rows) {
        row.setAttribute("role", "row");
        for (const [place, cell] of [...row.children].entries()) {
            cell.setAttribute("role", cell.localName === "th" ? "rowheader" : "cell");
            cell.dataset.label = columns[place];
        }
    }
    const head = columns.map((column) => h("th", { scope: "col", role: "columnheader" }, column));
    return h("table", { role: "table" },
        h("caption", {}, caption),
        h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
        h("tbody", { role: "rowgroup" }, rows));
}

/** Offers a text for download as a file. */
export function download(name, type, text) {
    const url = URL.createObjectURL(new Blob([text], { type }));
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
