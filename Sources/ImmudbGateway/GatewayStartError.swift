/// The reason why a gateway does not start, with advice, as a message for the operator.
public struct GatewayStartError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
