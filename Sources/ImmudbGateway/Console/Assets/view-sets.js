// The members of a sorted set.

import { field, form, h, notice } from "./dom.js";
import { entryTable } from "./entries.js";
import { FORMS, go, typed } from "./links.js";
import { count } from "./shown.js";

const PAGE = 50;
const MOST = 1_000;

export async function showSets(context) {
    const { query } = context.route;
    const [text, as, isReverse] = [query.get("set") ?? "", query.get("as") ?? "text", query.has("reverse")];
    const limit = Math.min(Math.max(PAGE, Number(query.get("limit")) || 0), MOST);
    const place = h("div", {});
    context.write(setForm(text, as, isReverse), place);
    if (text === "") {
        place.replaceChildren(h("p", {}, "Type the name of a set. The server has no list of its sets."));
        return;
    }
    let set;
    try {
        set = typed(text, as);
    } catch {
        place.replaceChildren(notice("warn", h("p", {}, `The name is not ${FORMS[as] ?? as}.`)));
        return;
    }
    const entries = await context.calls((calls) => calls.zScan({ set, limit, reverse: isReverse }));
    if (entries.length === 0) {
        place.replaceChildren(h("p", {}, "The set has no members, as the gateway says."));
        return;
    }
    const parameters = { set: text, as, reverse: isReverse ? "1" : "", limit: Math.min(limit * 2, MOST) };
    place.replaceChildren(
        h("p", { class: "note" }, `By score, the ${isReverse ? "highest" : "lowest"} first. The server gives the newest entry `,
            "of each member, without its score. A proof covers the entry, not that it is in the set."),
        ...entryTable(context, `${count(entries.length)} members`, entries),
        h("p", {}, entries.length >= limit && limit < MOST
            ? h("a", { href: go("sets", parameters) }, "Show more members") : ""));
}

function setForm(text, as, isReverse) {
    const input = h("input", { name: "set", value: text, id: "set", type: "search", required: true, autocapitalize: "none",
        autocomplete: "off", spellcheck: "false" });
    const select = h("select", { name: "as", id: "set-form" },
        Object.entries(FORMS).map(([value, label]) => h("option", { value, selected: value === as }, label)));
    const order = h("select", { name: "reverse", id: "set-order" },
        h("option", { value: "" }, "lowest score first"),
        h("option", { value: "1", selected: isReverse }, "highest score first"));
    const submitted = (data) => {
        location.hash = go("sets", { set: data.get("set"), as: data.get("as"), reverse: data.get("reverse") });
    };
    return form("Show a set", submitted, field("Name of the set", input), field("typed as", select), field("Order", order),
        h("button", { type: "submit" }, "Show"));
}
