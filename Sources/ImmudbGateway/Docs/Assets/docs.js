// The page of the REST interface: a form for every operation of /openapi.json. Nothing is stored in the browser.

import { field, form, h } from "../console/dom.js";
import { fromBase64, toText } from "../console/bytes.js";
import { curl, decoded, indented, makeRequest, send } from "./calls.js";
import { InputError, makeFields, makeInput } from "./inputs.js";

/** Bytes of an answer that are shown as text, too. */
const SHOWN_DECODED_COUNT = 50;

const token = h("input", { type: "password", autocomplete: "off", size: 40, spellcheck: "false" });

start().catch((error) => {
    document.getElementById("calls").replaceChildren(
        h("p", { class: "refused", role: "alert" }, `The description of the interface cannot be read: ${error.message}`));
});

async function start() {
    const answer = await fetch("/openapi.json");
    if (!answer.ok) throw new Error(`/openapi.json is answered ${answer.status}`);
    const api = await answer.json();
    document.getElementById("about").append(
        h("p", { class: "note" }, `Version ${api.info.version}`),
        h("details", {}, h("summary", {}, "About bytes, numbers and bodies"),
            api.info.description.split("\n\n").map((text) => h("p", {}, text))));
    const calls = showCalls(api);
    showSettings(calls);
    const open = () => calls.find(({ element }) => `#${element.id}` === location.hash)?.open();
    addEventListener("hashchange", open);
    open();
}

function showSettings(calls) {
    const search = h("input", { type: "search", autocomplete: "off", size: 20 });
    search.addEventListener("input", () => {
        const words = search.value.toLowerCase().split(/\s+/);
        for (const call of calls) call.element.hidden = !words.every((word) => call.words.includes(word));
    });
    document.getElementById("settings").append(
        field("Token", token, "of Login; kept until this page is closed"), field("Find a call", search));
}

function showCalls(api) {
    const resolve = resolver(api);
    const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));
    const calls = [];
    const sections = api.tags.map((tag) => {
        const own = operations.filter(({ operation }) => operation.tags.includes(tag.name))
            .map((one) => makeCall(one, resolve));
        calls.push(...own);
        return h("section", { "aria-label": tag.name },
            h("h2", {}, tag.name === "verified" ? "Verified by the gateway" : "Passed on"),
            h("p", { class: "note" }, tag.description), own.map((call) => call.element));
    });
    document.getElementById("calls").replaceChildren(...sections);
    return calls;
}

/** Finds the object to which a reference refers. */
function resolver(api) {
    return (object) => {
        let found = object;
        while (found.$ref) found = found.$ref.slice(2).split("/").reduce((place, name) => place[name], api);
        return found;
    };
}

/** A call. Its form is made when it is opened. */
function makeCall({ path, method, operation }, resolve) {
    const isOpen = operation.security.length === 0;
    const content = h("div", { class: "content" });
    const element = h("details", { class: "call", id: operation.operationId },
        h("summary", {},
            h("span", { class: "method" }, method.toUpperCase()), " ", h("span", { class: "path" }, path), " ",
            h("span", {}, operation.summary), isOpen ? h("span", { class: "open-to-all" }, " Needs no token.") : null),
        content);
    const fill = () => {
        if (!content.firstChild) content.append(...callContent({ path, method, operation }, resolve, isOpen));
    };
    element.addEventListener("toggle", fill);
    return {
        element,
        words: `${operation.operationId} ${method} ${path} ${operation.summary}`.toLowerCase(),
        open: () => {
            element.hidden = false;
            element.open = true;
            fill();
            element.scrollIntoView();
        },
    };
}

function callContent({ path, method, operation }, resolve, isOpen) {
    const parameters = operation.parameters.map(resolve);
    const inputs = parameters.map((parameter) => {
        const schema = { description: parameter.description, ...parameter.schema };
        return { ...parameter, input: makeInput(parameter.name, schema, resolve, parameter.required) };
    });
    const bodySchema = operation.requestBody?.content["application/json"].schema;
    const body = bodySchema ? makeFields(resolve(bodySchema), resolve) : null;
    const read = (place) => Object.fromEntries(inputs.filter((one) => one.in === place)
        .map((one) => [one.name, one.input.read()]).filter(([, value]) => value !== undefined));
    const request = () => makeRequest(
        method, path, { path: read("path"), headers: read("header"), body: body?.read() },
        isOpen ? "" : token.value.trim());

    const complaint = h("p", { class: "refused", role: "alert" });
    const line = h("pre", { tabindex: 0, role: "group", "aria-label": "The call for curl" });
    const answer = h("div", { "aria-live": "polite" });
    const schema = operation.responses["200"].content["application/json"].schema;
    const sender = makeSender(request, complaint, line, (received) => {
        answer.replaceChildren(...shownAnswer(received, schema, resolve, operation.operationId));
    });
    const fields = h("div", { class: "call-fields" },
        inputs.filter((one) => one.in === "path").map((one) => one.input.element), body?.elements ?? [],
        inputs.filter((one) => one.in === "header").map((one) => one.input.element));
    const whole = form(operation.operationId, sender.send, fields, sender.buttons);
    for (const event of ["input", "click"]) whole.addEventListener(event, sender.showLine);
    sender.showLine();
    return [
        whole, complaint, h("h3", {}, "With curl"), line, answer, possibleAnswers(operation, resolve),
    ];
}

/** The buttons of a form, and what they do. */
function makeSender(request, complaint, line, show) {
    let running = null;
    const sendButton = h("button", { class: "send" }, "Send");
    const cancelButton = h("button", { type: "button", disabled: true, click: () => running?.abort() }, "Cancel");
    // Reads the form, and shows its faults.
    const attempt = () => {
        complaint.replaceChildren();
        for (const old of document.querySelectorAll("[aria-invalid]")) old.removeAttribute("aria-invalid");
        try {
            const made = request();
            line.textContent = curl(made);
            return made;
        } catch (error) {
            if (!(error instanceof InputError)) throw error;
            complaint.textContent = error.message;
            error.element.setAttribute("aria-invalid", "true");
            error.element.focus();
            return null;
        }
    };
    return {
        buttons: h("div", { class: "actions" }, sendButton, cancelButton),
        // Shows no faults of a form that is not filled in yet.
        showLine: () => {
            try {
                line.textContent = curl(request());
            } catch (error) {
                if (!(error instanceof InputError)) throw error;
                line.textContent = "";
            }
        },
        send: async () => {
            const made = attempt();
            if (!made || running) return;
            running = new AbortController();
            sendButton.disabled = true;
            cancelButton.disabled = false;
            try {
                show(await send(made, running.signal));
            } catch (error) {
                complaint.textContent = error.name === "AbortError" ? "Cancelled." : `There is no answer: ${error.message}`;
            } finally {
                running = null;
                sendButton.disabled = false;
                cancelButton.disabled = true;
            }
        },
    };
}

function shownAnswer(answer, schema, resolve, operationId) {
    const isGood = answer.status === 200;
    const parts = [
        h("h3", {}, "Answer"),
        h("p", {},
            h("span", { class: `status ${isGood ? "good" : "bad"}` }, `${answer.status} ${answer.statusText}`),
            ` in ${answer.milliseconds} ms`),
        facts(answer.headers),
        h("pre", { tabindex: 0, role: "group", "aria-label": "The body of the answer" },
            answer.headers.some(([name, value]) => name === "content-type" && value.includes("json"))
                ? indented(answer.text) : answer.text),
    ];
    if (!answer.isComplete) parts.push(h("p", { class: "note" }, "The answer goes on; this is its beginning."));
    if (!isGood || !schema || !answer.isComplete) return parts;
    const value = JSON.parse(answer.text);
    const bytes = decoded(value, schema, resolve);
    if (operationId === "Login") {
        const use = () => { token.value = toText(fromBase64(value.token)); };
        parts.push(h("div", { class: "actions" },
            h("button", { type: "button", click: use }, "Use this token")));
    } else if (bytes.length > 0) {
        parts.push(h("h3", {}, "Its bytes as text"), facts(bytes.slice(0, SHOWN_DECODED_COUNT)));
        if (bytes.length > SHOWN_DECODED_COUNT) {
            parts.push(h("p", { class: "note" }, `These are ${SHOWN_DECODED_COUNT} of ${bytes.length}.`));
        }
    }
    return parts;
}

function possibleAnswers(operation, resolve) {
    const pairs = Object.entries(operation.responses)
        .map(([status, response]) => [status, resolve(response).description]);
    return h("details", {}, h("summary", {}, "Answers that it may have"), facts(pairs));
}

function facts(pairs) {
    return h("dl", {}, pairs.map(([term, text]) => h("div", {}, h("dt", {}, term), h("dd", {}, text))));
}
