/// Why a gateway does not start: a sentence for a person, with what to do.
public struct GatewayStartError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
