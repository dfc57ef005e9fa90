/// The files of the console and of the documentation. They are part of the program, so nothing else has to be
/// installed.
///
/// The package manager generates `PackageResources` from the files in `Console/Assets` and `Docs/Assets`. A test
/// compares this list with them.
enum Assets {
    struct Asset: Sendable {
        /// `console` or `docs`.
        let folder: String
        let name: String
        let bytes: [UInt8]

        fileprivate init(_ folder: String, _ name: String, _ bytes: [UInt8]) {
            self.folder = folder
            self.name = name
            self.bytes = bytes
        }
    }

    static let all = [
        Asset("console", "api.js", PackageResources.api_js),
        Asset("console", "bytes.js", PackageResources.bytes_js),
        Asset("console", "console.css", PackageResources.console_css),
        Asset("console", "console.html", PackageResources.console_html),
        Asset("console", "console.js", PackageResources.console_js),
        Asset("console", "dom.js", PackageResources.dom_js),
        Asset("console", "drawing.js", PackageResources.drawing_js),
        Asset("console", "entries.js", PackageResources.entries_js),
        Asset("console", "links.js", PackageResources.links_js),
        Asset("console", "merkle.js", PackageResources.merkle_js),
        Asset("console", "prover.js", PackageResources.prover_js),
        Asset("console", "receipt.js", PackageResources.receipt_js),
        Asset("console", "shown.js", PackageResources.shown_js),
        Asset("console", "trust.js", PackageResources.trust_js),
        Asset("console", "view-alarm.js", PackageResources.view_alarm_js),
        Asset("console", "view-entry.js", PackageResources.view_entry_js),
        Asset("console", "view-keys.js", PackageResources.view_keys_js),
        Asset("console", "view-login.js", PackageResources.view_login_js),
        Asset("console", "view-proof.js", PackageResources.view_proof_js),
        Asset("console", "view-sets.js", PackageResources.view_sets_js),
        Asset("console", "view-status.js", PackageResources.view_status_js),
        Asset("console", "view-tree.js", PackageResources.view_tree_js),
        Asset("console", "view-trust.js", PackageResources.view_trust_js),
        Asset("docs", "calls.js", PackageResources.calls_js),
        Asset("docs", "docs.css", PackageResources.docs_css),
        Asset("docs", "docs.html", PackageResources.docs_html),
        Asset("docs", "docs.js", PackageResources.docs_js),
        Asset("docs", "inputs.js", PackageResources.inputs_js),
    ]
}
