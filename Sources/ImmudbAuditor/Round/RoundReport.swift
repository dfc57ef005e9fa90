public import Foundation
public import ImmudbClient

/// What one round of an auditor came to.
public struct RoundReport: Sendable {
    public internal(set) var number: UInt64
    public internal(set) var startedAt: Date
    /// Host and port.
    public internal(set) var address: String
    /// nil: no server has answered.
    public internal(set) var server: ServerIdentity?
    /// The root that was trusted before; nil: none was.
    public internal(set) var previous: TrustedRoot?
    /// The root that the server shows; nil: it showed none that could be looked at.
    public internal(set) var current: SignedRoot?
    public internal(set) var findings: [Finding] = []
    /// Entries that were read and verified.
    public internal(set) var entryCount: UInt64 = 0
    public internal(set) var byteCount: UInt64 = 0
    /// What is worth a line in the log and is no finding.
    public internal(set) var warnings: [String] = []
    /// Other auditors whose roots could not be compared; each is a warning, too.
    public internal(set) var skippedPeerCount = 0
    /// Why the log or the state could not be written; nil if they were.
    public internal(set) var fileFailure: String?

    init(number: UInt64, startedAt: Date, address: String) {
        self.number = number
        self.startedAt = startedAt
        self.address = address
    }

    public var verdict: Verdict { Verdict.worst(of: findings.map(\.verdict)) }

    /// The text that the original's auditor logs.
    public var resultLine: String {
        func text(_ name: String, _ root: TrustedRoot?) -> String {
            guard let root, let last = root.size.lastIndex else { return "\(name): none" }
            return "\(name): \(root.root.hex) at index: \(last)"
        }
        return [
            "audit #\(number) result: db: \(Self.databaseName)",
            "consistent: \(verdict == .consistent)", "verdict: \(verdict.rawValue)",
            text("firstRoot", previous), text("secondRoot", current?.root),
            "entries read: \(entryCount)",
        ].joined(separator: ", ")
    }

    /// A server of 0.6 has one database, and does not say what it is called.
    static let databaseName = "immudb"
}
