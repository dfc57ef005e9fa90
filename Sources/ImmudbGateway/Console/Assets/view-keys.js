// The keys with a prefix, page by page.

import { compare, startsWith, toLink } from "./bytes.js";
import { field, form, h, notice } from "./dom.js";
import { entryTable } from "./entries.js";
import { FORMS, go, parseIndex, parseLink, typed } from "./links.js";
import { VerificationFailure } from "./merkle.js";

const PAGE = 25;
// A list may end early when an answer would become too large: then it is not the last page.
const LARGE_PAGE = 1 << 20;

export async function showKeys(context) {
    const { query } = context.route;
    const [text, as] = [query.get("prefix") ?? "", query.get("as") ?? "text"];
    const place = h("div", {});
    context.write(h("div", { class: "forms" }, searchForm(text, as), indexForm()), place);
    let prefix;
    try {
        prefix = typed(text, as);
    } catch {
        place.replaceChildren(notice("warn", h("p", {}, `The prefix is not ${FORMS[as] ?? as}.`)));
        return;
    }
    const isBackward = query.has("before");
    const offset = parseLink(query.get("before") ?? query.get("after") ?? "") ?? new Uint8Array();
    const entries = await context.calls(async (calls) => {
        const all = await calls.scan({ prefix, offset, limit: PAGE, reverse: isBackward });
        checkOrder(all, prefix, offset, isBackward);
        return all;
    });
    const bytes = entries.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
    const isFull = entries.length >= PAGE || bytes > LARGE_PAGE;
    if (isBackward) entries.reverse();
    if (entries.length === 0) {
        place.replaceChildren(h("p", {}, offset.length > 0 ? "No more keys. " : "No keys. ",
            offset.length > 0 ? h("a", { href: go("keys", { prefix: text, as }) }, "First page") : null));
        return;
    }
    const link = (label, parameters) => h("a", { href: go("keys", { prefix: text, as, ...parameters }) }, label);
    const isFirst = offset.length === 0 || (isBackward && !isFull);
    const isLast = !isBackward && !isFull;
    place.replaceChildren(
        ...entryTable(context, "Keys, with their newest entries", entries),
        h("p", { class: "note" }, "References and members of sets are not listed by key; the tree has them."),
        h("nav", { class: "row", "aria-label": "Pages of keys" },
            isFirst ? null : link("First page", {}),
            isFirst ? null : link("Previous page", { before: toLink(entries[0].key) }),
            isLast ? null : link("Next page", { after: toLink(entries.at(-1).key) })));
}

/** Throws if the gateway returns keys that were not requested. */
function checkOrder(entries, prefix, offset, isBackward) {
    let last = offset;
    for (const { key, index } of entries) {
        const step = compare(key, last) * (isBackward ? -1 : 1);
        const isNext = step > 0 || (last.length === 0 && isBackward);
        if (!startsWith(key, prefix) || !isNext) {
            throw new VerificationFailure(
                "wrongKey", "a list of keys has one that does not belong there", { index, key });
        }
        last = key;
    }
}

function searchForm(text, as) {
    const input = h("input", { name: "prefix", value: text, id: "prefix", type: "search", autocapitalize: "none",
        autocomplete: "off", spellcheck: "false" });
    const select = h("select", { name: "as", id: "prefix-form" },
        Object.entries(FORMS).map(([value, label]) => h("option", { value, selected: value === as }, label)));
    const submitted = (data) => { location.hash = go("keys", { prefix: data.get("prefix"), as: data.get("as") }); };
    return form("Search keys", submitted, field("Keys that begin with", input), field("typed as", select),
        h("button", { type: "submit" }, "Search"));
}

/** Leads to the entry, or with `page` to its proof. */
export function indexForm(page = "index") {
    const input = h("input", { name: "index", inputmode: "numeric", pattern: "[0-9]{1,19}", required: true, size: "12",
        autocomplete: "off" });
    const submitted = (data) => {
        const index = parseIndex(data.get("index").replace(/^0+(?=\d)/, ""));
        if (index !== null) location.hash = `#/${page}/${index}`;
    };
    return form("Go to an index", submitted, field("Index", input), h("button", { type: "submit" }, "Go to the entry"));
}
