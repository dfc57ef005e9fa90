import ImmudbClient

/// The page at `/`: version, state and links.
enum IndexPage {
    static func html(_ core: GatewayCore) -> String {
        let state = core.upstream.state
        let health = state.problem.map { "not ready: \(escaped($0))" } ?? "ready"
        return """
            <!doctype html>
            <html lang="en">
            <head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>immugw</title></head>
            <body>
            <main>
            <h1>immugw \(ImmudbClient.version)</h1>
            <p>The REST gateway of immudb. It verifies what immudb answers before it passes it on.</p>
            <dl>
            <dt>immudb</dt><dd>\(escaped(core.upstream.address))</dd>
            <dt>Identity</dt><dd>\(escaped(state.identity ?? "not known yet"))</dd>
            <dt>Health</dt><dd>\(health)</dd>
            <dt>A verification that fails</dt>
            <dd>\(core.options.isStrict ? "is answered 502 with the evidence" : "is answered with verified: false")</dd>
            </dl>
            <ul>
            <li><a href="/console/">Console</a>: entries and their proofs</li>
            <li><a href="/docs">Documentation</a> of the REST interface, to try it</li>
            <li><a href="/openapi.json">OpenAPI 3.1</a>, <a href="/swagger.json">Swagger 2.0</a></li>
            <li><a href="/metrics">Metrics</a>, <a href="/healthz">liveness</a>, <a href="/readyz">readiness</a></li>
            </ul>
            </main>
            </body>
            </html>

            """
    }

    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { escaped, character in
            switch character {
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "&": escaped += "&amp;"
            case "\"": escaped += "&quot;"
            default: escaped.append(character)
            }
        }
    }
}
