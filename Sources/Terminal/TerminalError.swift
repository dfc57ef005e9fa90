/// Why a person could not be asked: a message for him that says what is wrong.
public struct TerminalError: Error, Hashable, CustomStringConvertible {
    public let message: String

    public init(_ message: String) {
        self.message = message
    }

    public var description: String { message }
}
