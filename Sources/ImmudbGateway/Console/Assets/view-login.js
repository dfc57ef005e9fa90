// The login, shown instead of a page that needs a token.

import { field, form, h, notice } from "./dom.js";

export function showLogin(place, connection, loggedIn) {
    const had = connection.token !== null;
    connection.logout();
    const message = h("div", { role: "alert" });
    const user = h("input", { name: "user", id: "login-user", autocomplete: "username", required: true,
        autocapitalize: "none", spellcheck: "false" });
    const password = h("input", {
        name: "password", id: "login-password", type: "password", autocomplete: "current-password", required: true });
    const button = h("button", { type: "submit" }, "Log in");
    const submitted = async (data) => {
        button.disabled = true;
        message.replaceChildren();
        try {
            await connection.login(data.get("user"), data.get("password"));
            loggedIn();
        } catch (error) {
            message.replaceChildren(notice("bad", h("p", {}, `Not logged in: ${error.message}.`)));
            button.disabled = false;
            password.select();
        }
    };
    place.replaceChildren(
        h("section", { class: "card", "aria-labelledby": "login-heading" },
            h("h2", { id: "login-heading" }, had ? "Log in again" : "Log in"),
            h("p", {}, had ? "The token is no longer valid." : "This server asks for a user."),
            form("Login", submitted, field("User", user), field("Password", password), button), message));
    user.focus({ preventScroll: true });
}
