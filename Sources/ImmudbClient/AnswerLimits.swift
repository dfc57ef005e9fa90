import ImmudbProtocol
package import RPCTransport

/// Checks the server's answers before they are decoded: it limits the elements of their lists to more than any honest
/// server sends, and to so few that a small answer cannot take much memory.
package struct AnswerLimits: Sendable {
    /// The most digests of one proof. A tree has fewer than 2^63 leaves, so the path to a leaf has at most 64 digests,
    /// and a consistency path a few more.
    static let pathElements = 192
    /// The fewest bytes that an immudb server counts for an entry when it fills an answer: a key of one byte, and 29
    /// for the fields around it.
    private static let leastEntryByteCount = 30

    private let checks: [String: AnswerCheck]

    /// - Parameter maxAnswerByteCount: the largest answer that is accepted.
    package init(maxAnswerByteCount: Int) {
        var checks: [String: AnswerCheck] = [:]
        for method in ImmuService.methods {
            guard let limit = Self.limit(of: method.answer, maxAnswerByteCount) else { continue }
            checks[method.path] = { bytes in try limit.check(bytes) }
        }
        self.checks = checks
    }

    private static func limit(
        of answer: ImmuService.Answer, _ maxAnswerByteCount: Int
    ) -> ElementLimit? {
        switch answer {
        case .plain: nil
        case .entries, .entryStream:
            ElementLimit(max(maxAnswerByteCount / leastEntryByteCount, 1), [.list(1)])
        case .path: ElementLimit(pathElements, [.list(5)])
        case .proof: ElementLimit(pathElements, [.list(5), .list(6)])
        case .provenEntry: ElementLimit(pathElements, [.message(2, [.list(5), .list(6)])])
        }
    }

    /// Returns nil for a method whose answer has no lists.
    package subscript(path: String) -> AnswerCheck? { checks[path] }
}
