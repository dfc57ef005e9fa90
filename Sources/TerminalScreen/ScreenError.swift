/// The reason why a terminal cannot show a screen.
public struct ScreenError: Error, Hashable, CustomStringConvertible {
    public let message: String

    public init(_ message: String) { self.message = message }

    public var description: String { message }
}
