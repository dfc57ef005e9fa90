import Foundation
import POSIX

/// What an auditor keeps between rounds and starts: `state.json` in its folder. Replaced as a whole.
struct AuditState: Hashable, Codable, Sendable {
    static let suspectLimit = 1_000
    private static let largestFile = 1 << 20

    /// The version of this format.
    var immudbAuditor = 1
    var roundCount: UInt64 = 0
    var plan: ReadingPlan
    /// Entries that did not verify, or were refused: looked at again in each round.
    var suspects: Set<UInt64> = []
    /// Rounds in a row in which the server has refused to show something; nil: it has not, or an older auditor wrote this.
    var refusedRoundCount: UInt64?
    var lastVerdict: Verdict?
    var lastRound: Date?
    /// The end of the log, so that lines that are cut off its end are missed.
    var log = LogHead()

    init(now: Date) { plan = ReadingPlan(start: now) }

    /// Reads the state; nil if the file is missing. Blocks.
    ///
    /// - Throws: `AuditorError` that names the file.
    static func read(_ path: String) throws(AuditorError) -> AuditState? {
        do {
            let file = try FileDescriptor.opening(path, .readOnly, .nonBlocking)
            let bytes = try file.closeAfter { try file.bytes(upTo: largestFile) }
            return try decoder.decode(AuditState.self, from: Data(bytes))
        } catch Errno.noSuchFileOrDirectory {
            return nil
        } catch is DecodingError {
            throw AuditorError(
                .logChanged,
                "\(path) was not written by the auditor: restore it, or move it and the log away to start again"
            )
        } catch {
            throw AuditorError(.files, "cannot read \(path): \(error)")
        }
    }

    /// Writes the state durably. Blocks.
    func write(_ path: String) throws(AuditorError) {
        do {
            let draft = try FileDraft(
                of: path, permissions: .ownerReadWrite, suffix: ".tmp", takesOver: true)
            try draft.write(Self.encoder.encode(self))
            try draft.replace()
        } catch {
            throw AuditorError(.files, "cannot write \(path): \(error)")
        }
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return encoder
    }

    private static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return decoder
    }
}

/// Where a log ends: how many lines it has, and the digest of the last one.
package struct LogHead: Hashable, Codable, Sendable {
    package var lineCount: UInt64 = 0
    /// SHA-256 of the line without its line feed, in hexadecimal digits; zeros before the first one.
    package var digest = String(repeating: "0", count: 64)

    package init() {}

    package init(lineCount: UInt64, digest: String) {
        self.lineCount = lineCount
        self.digest = digest
    }
}
