import ImmudbProtocol
import RPCTransport

/// Checks the server's answers before they are decoded: their lists may have more elements than any
/// honest server sends, and not so many that a small answer takes much memory.
struct AnswerLimits: Sendable {
    /// The digests of one proof. A tree has fewer than 2^63 leaves, so the path to a leaf has at most
    /// 64 digests, and a consistency path a few more.
    static let pathElements = 192
    /// The least that an immudb server counts for an entry when it fills an answer: a key of one
    /// byte, and 29 for what is around it.
    private static let leastEntryByteCount = 30

    private let checks: [String: AnswerCheck]

    /// - Parameter maxAnswerByteCount: the largest answer that is taken.
    init(maxAnswerByteCount: Int) {
        let entries = ElementLimit(
            max(maxAnswerByteCount / Self.leastEntryByteCount, 1), [.list(1)])
        let proof = ElementLimit(Self.pathElements, [.list(5), .list(6)])
        let provenEntry = ElementLimit(Self.pathElements, [.message(2, [.list(5), .list(6)])])
        let path = ElementLimit(Self.pathElements, [.list(5)])
        let limits = [
            ImmuService.getBatch: entries, ImmuService.getBatchSV: entries,
            ImmuService.scan: entries, ImmuService.scanSV: entries,
            ImmuService.history: entries, ImmuService.historySV: entries,
            ImmuService.zScan: entries, ImmuService.zScanSV: entries,
            ImmuService.iScan: entries, ImmuService.iScanSV: entries, ImmuService.dump: entries,
            ImmuService.safeSet: proof, ImmuService.safeSetSV: proof,
            ImmuService.safeReference: proof, ImmuService.safeZAdd: proof,
            ImmuService.safeGet: provenEntry, ImmuService.safeGetSV: provenEntry,
            ImmuService.inclusion: path, ImmuService.consistency: path,
        ]
        checks = limits.mapValues { limit in { bytes in try limit.check(bytes) } }
    }

    /// nil for a method whose answer has no lists.
    subscript(path: String) -> AnswerCheck? { checks[path] }
}
