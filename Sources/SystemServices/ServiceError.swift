/// The reason why an action on a service failed, as a message for the operator.
public struct ServiceError: Error, Hashable, CustomStringConvertible {
    public let message: String

    public init(_ message: String) { self.message = message }

    public var description: String { message }
}
