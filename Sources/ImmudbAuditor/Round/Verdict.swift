public import ImmudbClient

/// What an auditor says of a server.
public enum Verdict: String, CaseIterable, Codable, Sendable {
    /// Everything that was looked at is as it was.
    case consistent
    /// An entry is not what was put into the tree that is trusted, or the server does not show it.
    case tampered
    /// The server has fewer entries than it had.
    case rolledBack = "rolled-back"
    /// The server's history does not continue the one that is trusted, or that another auditor was shown.
    case forked
    /// Another server answers at the address.
    case replaced
    /// The server's root is not signed with the pinned key.
    case unsigned
    /// The server refuses to show something, in several rounds in a row: it may hide it.
    case withheld
    /// The server gives no answer: no sign of tampering.
    case unreachable
    /// The round could not be finished for another reason, such as a wrong password.
    case failed

    /// Whether something does not hold that the server is bound to.
    public var isAlarm: Bool {
        switch self {
        case .tampered, .rolledBack, .forked, .replaced, .unsigned, .withheld: true
        case .consistent, .unreachable, .failed: false
        }
    }

    /// Of several, the one that a round ends with.
    private var weight: Int {
        switch self {
        case .consistent: 0
        case .unreachable: 1
        case .failed: 2
        case .withheld: 3
        case .unsigned: 4
        case .tampered: 5
        case .forked: 6
        case .rolledBack: 7
        case .replaced: 8
        }
    }

    static func worst(of verdicts: some Sequence<Verdict>) -> Verdict {
        verdicts.max { $0.weight < $1.weight } ?? .consistent
    }
}

/// One thing that an auditor found.
public struct Finding: Hashable, Sendable {
    /// The most of a server's own words that is kept, and of a whole message, in Unicode scalars: a hundred findings are
    /// to fit into a line of the log, however they are escaped there.
    static let wordsLimit = 512
    static let messageLimit = 1_024

    public var verdict: Verdict
    public var message: String
    /// The entry that it is about.
    public var index: EntryIndex?
    /// The file with the server's answers.
    public var evidenceFile: String?
    /// What the server has refused to show; nil: it is about something else.
    var refusal: Refusal?

    init(
        _ verdict: Verdict, _ message: String, index: EntryIndex? = nil, evidenceFile: String? = nil
    ) {
        self.verdict = verdict
        self.message = Self.shortened(message, to: Self.messageLimit)
        self.index = index
        self.evidenceFile = evidenceFile
    }

    /// Says what a failed call means.
    ///
    /// - Parameters:
    ///   - index: the entry that was asked for, unless the error names one.
    ///   - thing: what the server was to show; nil: nothing that counts if it refuses it.
    init(
        _ error: any Error, about index: EntryIndex? = nil, showing thing: Refusal.Thing? = .tree
    ) {
        switch error {
        case let error as VerificationError:
            self.init(
                Verdict(error), "\(error)",
                index: error.isAboutHistory ? nil : error.index ?? index,
                evidenceFile: error.evidenceFile)
        case var error as ClientError:
            error.message = Self.shortened(error.message, to: Self.wordsLimit)
            if let thing, error.isRefusal {
                self.init(Refusal(error, of: thing))
                return
            }
            let verdict = Verdict(error)
            self.init(
                verdict,
                verdict == .tampered ? "the server refuses its data: \(error)" : "\(error)",
                index: verdict == .tampered ? index : nil)
        default:
            self.init(.failed, "\(error)")
        }
    }

    private static func shortened(_ text: String, to limit: Int) -> String {
        let scalars = text.unicodeScalars
        guard
            let end = scalars.index(
                scalars.startIndex, offsetBy: limit, limitedBy: scalars.endIndex),
            end < scalars.endIndex
        else { return text }
        return String(scalars[..<end]) + "…"
    }
}

extension Verdict {
    init(_ error: VerificationError) {
        switch error.code {
        case .treeShrank: self = .rolledBack
        case .consistencyFailed, .receiptRefuted: self = .forked
        case .signatureInvalid: self = .unsigned
        case .leafMismatch, .wrongKey, .wrongIndex, .inclusionFailed: self = .tampered
        case .malformedProof: self = error.index == nil ? .forked : .tampered
        }
    }

    fileprivate init(_ error: ClientError) {
        switch error.code {
        case .serverChanged: self = .replaced
        case .unavailable, .deadlineExceeded: self = .unreachable
        // The server itself says that what it has is damaged.
        case .refused where error.status == .dataLoss: self = .tampered
        default: self = .failed
        }
    }
}
