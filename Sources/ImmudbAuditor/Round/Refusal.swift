import ImmudbClient
import RPCTransport

/// What a server has refused to show, although it was asked by somebody who may see it. Once this may be a fault of the server or
/// of its operator; in several rounds in a row it is an alarm, since a server can hide a changed entry so.
struct Refusal: Hashable, Sendable {
    enum Thing: Hashable, Sendable {
        case entry(EntryIndex)
        /// Entries together, each of which it shows alone.
        case page(Subtree)
        /// Its root, or a proof about whole trees.
        case tree
    }

    /// Rounds in a row after which it is an alarm.
    static let roundLimit: UInt64 = 3

    let thing: Thing
    /// The server's.
    let words: String
    let isOfPermission: Bool
    /// Whether it refuses the entry beside it, too, in the same words.
    var isOfMore = false

    init(_ error: ClientError, of thing: Thing) {
        self.thing = thing
        words = "\(error)"
        isOfPermission = error.status == .permissionDenied
    }

    /// The entry that was asked for.
    var index: EntryIndex? { if case .entry(let index) = thing { index } else { nil } }

    fileprivate func message(isAlarm: Bool, evidenceFile: String?) -> String {
        let what =
            switch thing {
            case .entry(let index):
                isOfMore
                    ? "its entries, entry \(index) and the one beside it among them"
                    : "entry \(index)"
            case .page(let subtree):
                "the entries from \(subtree.start) to \(subtree.end - 1) together, and shows each of them alone"
            case .tree: "its tree"
            }
        return "the server refuses to show \(what)"
            + (isAlarm ? ", in \(Self.roundLimit) rounds in a row or more" : "") + ": \(words)"
            + (evidenceFile.map { ", evidence in \($0)" } ?? "")
            + (isOfPermission
                ? ". Look whether the auditor's user may still read: its permission may have been taken"
                : "")
    }
}

extension Finding {
    init(_ refusal: Refusal, isAlarm: Bool = false, evidenceFile: String? = nil) {
        self.init(
            isAlarm ? .withheld : .failed,
            refusal.message(isAlarm: isAlarm, evidenceFile: evidenceFile),
            index: refusal.isOfMore ? nil : refusal.index, evidenceFile: evidenceFile)
        self.refusal = refusal
    }
}

extension AuditRound {
    /// Counts the round if the server has refused something in it. After several in a row its refusals are an alarm.
    mutating func judgeRefusals(_ client: ImmudbClient) async {
        guard report.findings.contains(where: { $0.refusal != nil }) else {
            // Only a look at everything ends the count: a server could be out of reach in every other round.
            if hasReadAll { state.refusedRoundCount = nil }
            return
        }
        let count = min(state.refusedRoundCount ?? 0, .max - 1) + 1
        state.refusedRoundCount = count
        guard count >= Refusal.roundLimit else { return }
        for place in report.findings.indices {
            guard let refusal = report.findings[place].refusal else { continue }
            // Once for each thing: the folder of evidence is bounded.
            let isNew =
                count == Refusal.roundLimit
                || refusal.index.map { !knownSuspects.contains($0.rawValue) } ?? false
            let file = isNew ? await evidence(of: refusal, client) : nil
            report.findings[place] = Finding(refusal, isAlarm: true, evidenceFile: file)
        }
    }

    /// Asks once more, and keeps the answers.
    ///
    /// - Returns: the file; nil if the server does not refuse it now.
    private mutating func evidence(of refusal: Refusal, _ client: ImmudbClient) async -> String? {
        do {
            return try await client.evidenceOfRefusal(of: refusal.index) {
                switch refusal.thing {
                case .entry(let index): _ = try await client.verifiedEntry(at: index)
                case .page(let subtree):
                    _ = try await client.page(subtree.index + 1, size: subtree.count)
                case .tree:
                    _ = try await client.currentRoot()
                    try await client.verifyContinuation()
                }
            }
        } catch let error as VerificationError {
            report.findings.append(Finding(error, about: refusal.index))
        } catch {
            report.warnings.append("no evidence of the refusal could be kept: \(error)")
        }
        return nil
    }
}
