import HTTPTypes

/// Allows pages of other origins (CORS) to read every answer and to send a token with the request. The gateway has no
/// cookies.
enum CrossOrigin {
    private static let methods: Set<String> = ["GET", "POST", "HEAD"]
    private static let headers: Set<String> = [
        "origin", "accept", "content-type", "x-requested-with", "authorization",
    ]

    private static let allowOrigin = HTTPField.Name("Access-Control-Allow-Origin")!
    private static let allowMethods = HTTPField.Name("Access-Control-Allow-Methods")!
    private static let allowHeaders = HTTPField.Name("Access-Control-Allow-Headers")!
    private static let requestMethod = HTTPField.Name("Access-Control-Request-Method")!
    private static let requestHeaders = HTTPField.Name("Access-Control-Request-Headers")!

    /// Returns the header fields of the answer to a preflight request, or nil for any other request.
    static func preflight(_ head: HTTPRequest) -> HTTPFields? {
        guard head.method == .options,
            let method = head.headerFields[requestMethod], !method.isEmpty
        else { return nil }
        var fields = HTTPFields()
        for name in ["Origin", requestMethod.rawName, requestHeaders.rawName] {
            fields.append(HTTPField(name: .vary, value: name))
        }
        let asked =
            head.headerFields[requestHeaders]?.split(separator: ",")
            .map { $0.filter { $0 != " " && $0 != "\t" } }.filter { !$0.isEmpty } ?? []
        // Longer methods are none of these, and need not be hashed.
        guard head.headerFields[.origin] != nil, method.utf8.count <= 16,
            methods.contains(method.uppercased()),
            asked.allSatisfy({ $0.utf8.count <= 32 && headers.contains($0.lowercased()) })
        else { return fields }
        fields[allowOrigin] = "*"
        fields[allowMethods] = method.uppercased()
        if !asked.isEmpty { fields[allowHeaders] = asked.map(canonical).joined(separator: ", ") }
        return fields
    }

    /// Adds the header fields that let a page read any other answer.
    static func add(to fields: inout HTTPFields, for head: HTTPRequest) {
        fields.append(HTTPField(name: .vary, value: "Origin"))
        let method = head.method.rawValue
        if head.headerFields[.origin] != nil, method.utf8.count <= 16, methods.contains(method) {
            fields[allowOrigin] = "*"
        }
    }

    /// Returns `content-type` as `Content-Type`.
    private static func canonical(_ name: String) -> String {
        name.split(separator: "-", omittingEmptySubsequences: false)
            .map { $0.prefix(1).uppercased() + $0.dropFirst().lowercased() }.joined(separator: "-")
    }
}
