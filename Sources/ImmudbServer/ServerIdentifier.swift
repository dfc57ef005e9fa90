#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The identity by which clients recognize a server: 12 random bytes in the file
/// `immudb.identifier` of its data folder.
///
/// Clients store the root that they trust under this identifier. If the file is lost, every client
/// takes the server for a new one; if it is copied, two servers look like one that has lost
/// entries.
public struct ServerIdentifier: Hashable, Sendable, CustomStringConvertible {
    static let byteCount = 12
    static let fileName = "immudb.identifier"

    let bytes: [UInt8]

    /// - Returns: nil unless `bytes` has exactly 12 elements.
    init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = Array(bytes)
    }

    /// Generates an identifier in the layout of an xid: Unix time in seconds, 4 bytes big-endian,
    /// then random bytes in place of an xid's machine, process and counter.
    static func random() -> ServerIdentifier {
        let seconds = UInt32(truncatingIfNeeded: time(nil))
        var bytes = (0..<4).map { UInt8(truncatingIfNeeded: seconds >> (24 - 8 * $0)) }
        var generator = SystemRandomNumberGenerator()
        bytes += (4..<byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
        return ServerIdentifier(unchecked: bytes)
    }

    private init(unchecked bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The text of the header `immudb-uuid`: 20 characters of base 32, most significant bits first,
    /// the last one padded with four zero bits (as https://github.com/rs/xid writes it).
    public var description: String {
        let alphabet = Array("0123456789abcdefghijklmnopqrstuv".utf8)
        var text: [UInt8] = []
        var pending: UInt32 = 0
        var pendingBitCount = 0
        for byte in bytes + [0] {
            pending = pending << 8 | UInt32(byte)
            pendingBitCount += 8
            while pendingBitCount >= 5 {
                pendingBitCount -= 5
                text.append(alphabet[Int(pending >> UInt32(pendingBitCount) & 31)])
            }
        }
        return String(decoding: text.prefix(20), as: UTF8.self)
    }
}
