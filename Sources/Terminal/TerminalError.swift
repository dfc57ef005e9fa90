/// The reason why a person could not be asked, as a message for that person.
public struct TerminalError: Error, Hashable, CustomStringConvertible {
    public let message: String

    public init(_ message: String) {
        self.message = message
    }

    public var description: String { message }
}
