/// Keys of a terminal, from the bytes that it sends.
public struct KeyReader: Sendable {
    public enum Key: Equatable, Sendable {
        case character(UInt8)
        case escape
        /// An arrow, a key with Alt, a mouse: a sequence of bytes that begins as Esc does.
        case other
    }

    private enum State { case ground, escape, sequence }

    private var state = State.ground

    public init() {}

    /// Whether an Esc has come, and nothing behind it that would say if it is the key or begins a sequence.
    public var isUndecided: Bool { state == .escape }

    /// The keys that end with one of these bytes.
    public mutating func keys(from bytes: some Sequence<UInt8>) -> [Key] {
        bytes.compactMap { byte in
            switch (state, byte) {
            case (.ground, 0x1b):
                state = .escape
                return nil
            case (.ground, _): return .character(byte)
            // Esc twice is the key.
            case (.escape, 0x1b):
                state = .ground
                return .escape
            case (.escape, UInt8(ascii: "[")), (.escape, UInt8(ascii: "O")):
                state = .sequence
                return nil
            case (.escape, _), (.sequence, 0x40...0x7e), (.sequence, 0..<0x20):
                state = .ground
                return .other
            case (.sequence, _): return nil
            }
        }
    }

    /// Says that nothing followed for a while: an Esc was the key.
    public mutating func keysAfterPause() -> [Key] {
        defer { state = .ground }
        return state == .escape ? [.escape] : []
    }
}
