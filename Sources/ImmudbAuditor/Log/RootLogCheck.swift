package import Crypto
import Foundation
package import StorageIO

/// A walk over a log that checks it: lines are numbered without a gap, each has the digest of the one before, and the
/// last one is signed by the auditor. So all of them are what the auditor wrote.
package struct RootLogCheck: Sendable {
    /// The longest line: a hundred findings with paths of evidence.
    static let largestLine = 1 << 20
    private static let chunkByteCount = 1 << 18

    package private(set) var head = LogHead()
    /// Bytes of whole lines.
    package private(set) var byteCount: UInt64 = 0
    private(set) var roots = LoggedRoots()
    private(set) var last: RootLogLine?
    private var lastSigned: (payload: [UInt8], signature: Data)?

    /// Reads a log. Memory for one line.
    ///
    /// - Parameters:
    ///   - known: where the log has to reach at least.
    ///   - key: the auditor's public key.
    /// - Throws: `AuditorError` with code `.logChanged` that names the line; `StoreError` if the file cannot be read.
    package init(
        _ file: any StorageFile, known: LogHead, key: Curve25519.Signing.PublicKey
    ) throws {
        var rest: [UInt8] = []
        var offset: UInt64 = 0
        var reachesKnown = known.lineCount == 0
        while true {
            let chunk = try file.read(byteCount: Self.chunkByteCount, at: offset)
            guard !chunk.isEmpty else { break }
            offset += UInt64(chunk.count)
            rest += chunk
            var start = rest.startIndex
            while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                try take(rest[start..<end], in: file)
                if head.lineCount == known.lineCount, known.lineCount > 0 {
                    guard head == known else {
                        throw changed(file, "is not the line that the auditor wrote")
                    }
                    reachesKnown = true
                }
                start = rest.index(after: end)
            }
            rest.removeSubrange(..<start)
            guard rest.count <= Self.largestLine else {
                throw changed(file, "is followed by one that is longer than any", next: true)
            }
        }
        guard reachesKnown else {
            throw AuditorError(
                .logChanged,
                "the log \(file.path) has \(head.lineCount) lines, and the auditor had written \(known.lineCount): its end was "
                    + "cut off")
        }
        // The signature of the last line covers the digest of the one before, and so all lines.
        guard let lastSigned else { return }
        guard key.isValidSignature(lastSigned.signature, for: lastSigned.payload) else {
            throw changed(file, "is not signed with the auditor's key")
        }
    }

    private mutating func take(
        _ bytes: ArraySlice<UInt8>, in file: any StorageFile
    ) throws(AuditorError) {
        guard let (line, payload, signature) = RootLogLine.parse(bytes) else {
            throw changed(file, "was not written by the auditor", next: true)
        }
        guard line.line == head.lineCount + 1, line.previous == head.digest else {
            throw changed(
                file, "does not follow the line before it: lines were changed or removed",
                next: true)
        }
        head = LogHead(lineCount: line.line, digest: RootLogLine.digest(of: bytes))
        byteCount += UInt64(bytes.count) + 1
        last = line
        roots.add(line)
        lastSigned = (payload, signature)
    }

    /// - Parameter next: whether it is about the line behind the last one that was taken.
    private func changed(
        _ file: any StorageFile, _ what: String, next: Bool = false
    ) -> AuditorError {
        AuditorError(
            .logChanged,
            "the log \(file.path) was changed: line \(head.lineCount + (next ? 1 : 0)) \(what)")
    }
}
