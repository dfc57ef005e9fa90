import HTTPTypes
import ImmudbProtocol
import RPCTransport

/// Selects the header fields of a request that are forwarded to immudb.
///
/// The token is forwarded unchanged, so that immudb identifies the caller: the gateway has no token. Fields that
/// would give the caller another identity are never forwarded: `client_id`, which marks the administration tool, and
/// the addresses that the gateway adds itself.
enum ForwardedMetadata {
    private static let prefix = "grpc-metadata-"
    private static let authorization = "authorization"
    /// Names that callers cannot set by the prefix.
    private static let reserved: Set<String> = [
        ImmuMetadata.clientIdentity, "x-forwarded-for", "x-forwarded-host", "forwarded",
        "content-type", "content-length", "te", authorization,
    ]
    /// The request header fields that IANA lists as permanent, and the names under which they are
    /// forwarded.
    private static let permanent: [String: String] = Dictionary(
        uniqueKeysWithValues: permanentNames.map { ($0, "grpcgateway-\($0)") })
    private static let permanentNames: Set<String> = [
        "accept", "accept-charset", "accept-language", "accept-ranges", authorization,
        "cache-control", "content-type", "cookie", "date", "expect", "from", "host", "if-match",
        "if-modified-since", "if-none-match", "if-schedule-tag-match", "if-unmodified-since",
        "max-forwards", "origin", "pragma", "referer", "user-agent", "via", "warning",
    ]

    /// - Parameters:
    ///   - address: the client's, without its port.
    ///   - limit: the largest number of bytes of all fields.
    /// - Throws: `GatewayError` if the fields that callers set on purpose exceed the limit. Fields that every browser
    ///   sends are left out if there is no space.
    static func of(
        _ head: HTTPRequest, from address: String?, limit: Int
    ) throws -> Metadata {
        var metadata = Metadata()
        var permanentFields: [(String, String)] = []
        var forwardedFor: [String] = []
        var forwardedHost = head.authority
        for field in head.headerFields {
            let name = field.name.canonicalName
            if name == authorization {
                metadata.add(ImmuMetadata.authorization, field.value)
                metadata.add("grpcgateway-authorization", field.value)
            } else if let forwardedName = permanent[name] {
                permanentFields.append((forwardedName, field.value))
            } else if name.hasPrefix(prefix) {
                add(String(name.dropFirst(prefix.count)), field.value, to: &metadata)
            } else if name == "x-forwarded-for" {
                forwardedFor.append(field.value)
            } else if name == "x-forwarded-host" {
                forwardedHost = field.value
            }
        }
        if let address { forwardedFor.append(address) }
        if let host = head.authority { metadata.add("grpcgateway-host", host) }
        if let forwardedHost { metadata.add("x-forwarded-host", forwardedHost) }
        // Always added: it tells immudb that the caller is not on the gateway's machine.
        metadata.add(
            ImmuMetadata.forwardedFor,
            forwardedFor.isEmpty ? "unknown" : forwardedFor.joined(separator: ", "))
        var byteCount = metadata.headerByteCount
        guard byteCount <= limit else {
            var error = GatewayError(
                .invalidArgument,
                "header fields of \(byteCount) bytes for immudb exceed the limit of \(limit)",
                status: .requestHeaderFieldsTooLarge)
            error.endsConnection = true
            throw error
        }
        for (name, value) in permanentFields {
            let count = name.utf8.count + value.utf8.count + Metadata.headerFieldByteCount
            guard byteCount + count <= limit else { continue }
            byteCount += count
            metadata.add(name, value)
        }
        return metadata
    }

    private static func add(_ name: String, _ value: String, to metadata: inout Metadata) {
        guard !name.isEmpty, !reserved.contains(name), !name.hasPrefix("grpc-") else { return }
        guard name.hasSuffix("-bin") else { return metadata.add(name, value) }
        if let bytes = base64Bytes(value) { metadata.add(name, binary: bytes) }
    }
}

/// The time limit that a caller sets: `Grpc-Timeout: 500m`.
enum GRPCTimeout {
    private static let field = HTTPField.Name("Grpc-Timeout")!

    /// - Returns: nil if the request names none.
    /// - Throws: `GatewayError` for one that is not a number of at most 8 digits and a unit.
    static func of(_ head: HTTPRequest) throws -> Duration? {
        guard let text = head.headerFields[field] else { return nil }
        let digits = text.dropLast()
        guard let unit = text.last, !digits.isEmpty, digits.utf8.count <= 8,
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let number = Int64(digits)
        else { throw invalid(text) }
        switch unit {
        case "H": return .seconds(number * 3_600)
        case "M": return .seconds(number * 60)
        case "S": return .seconds(number)
        case "m": return .milliseconds(number)
        case "u": return .microseconds(number)
        case "n": return .nanoseconds(number)
        default: throw invalid(text)
        }
    }

    private static func invalid(_ text: String) -> GatewayError {
        GatewayError(.invalidArgument, "invalid grpc-timeout: \(text)")
    }
}
