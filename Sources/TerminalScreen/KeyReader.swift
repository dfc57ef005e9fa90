/// Reads keys from the bytes that a terminal sends.
public struct KeyReader: Sendable {
    public enum Key: Equatable, Sendable {
        case character(UInt8)
        case escape
        /// An arrow, a key with Alt, a mouse event: a sequence of bytes that begins with Esc.
        case other
    }

    private enum State { case ground, escape, sequence }

    private var state = State.ground

    public init() {}

    /// Whether the last byte was an Esc, which is either the key or the beginning of a sequence.
    public var isUndecided: Bool { state == .escape }

    /// Returns the keys that these bytes complete.
    public mutating func keys(from bytes: some Sequence<UInt8>) -> [Key] {
        bytes.compactMap { byte in
            switch (state, byte) {
            case (.ground, 0x1b):
                state = .escape
                return nil
            case (.ground, _): return .character(byte)
            // Esc twice counts as the key.
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

    /// Notes that nothing followed for a while, so an Esc was the key. Returns the keys.
    public mutating func keysAfterPause() -> [Key] {
        defer { state = .ground }
        return state == .escape ? [.escape] : []
    }
}
