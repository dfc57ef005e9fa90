import ImmudbClient

/// Reads entries of the trusted tree and verifies each. An entry that does not verify is a finding that names it.
struct EntryReader: Sendable {
    /// The most findings of one round: a server that lies about everything is named a hundred times, not a billion.
    static let findingLimit = 100

    let client: ImmudbClient
    private(set) var findings: [Finding] = []
    private(set) var entryCount: UInt64 = 0
    private(set) var byteCount: UInt64 = 0

    init(_ client: ImmudbClient) { self.client = client }

    /// Whether nothing more can be learned: the server is not there, refuses everything, its history is another one, or
    /// enough was found.
    var isOver: Bool {
        findings.count >= Self.findingLimit
            || findings.contains { finding in
                finding.index == nil || finding.verdict != .tampered && finding.refusal == nil
            }
    }

    /// Verifies one entry.
    ///
    /// - Returns: whether it is as it was.
    @discardableResult
    mutating func read(_ index: EntryIndex) async -> Bool {
        do {
            let entry = try await client.verifiedEntry(at: index).value
            entryCount += 1
            byteCount += UInt64(entry.key.count + entry.value.count)
            return true
        } catch {
            let isOfMore = await refusesNeighbour(of: index, with: error)
            var finding = Finding(error, about: isOfMore ? nil : index, showing: .entry(index))
            if isOfMore, var refusal = finding.refusal {
                refusal.isOfMore = true
                finding = Finding(refusal)
            }
            findings.append(finding)
            return false
        }
    }

    /// Whether the server refuses the entry beside another one with the same words: then it has met damage somewhere, or
    /// refuses all of them, and nothing is said of the entry.
    private func refusesNeighbour(of index: EntryIndex, with error: any Error) async -> Bool {
        guard let error = error as? ClientError, Self.isDataLoss(error) || error.isRefusal else {
            return false
        }
        let neighbour = EntryIndex(index.rawValue > 0 ? index.rawValue - 1 : 1)
        do {
            _ = try await client.verifiedEntry(at: neighbour)
            return false
        } catch let other as ClientError {
            return other == error && other.status == error.status && other.message == error.message
        } catch {
            return false
        }
    }

    private static func isDataLoss(_ error: any Error) -> Bool {
        (error as? ClientError)?.status == .dataLoss
    }

    /// Verifies all entries of a subtree together; one by one, if they do not hold together.
    mutating func read(_ subtree: Subtree) async {
        do {
            byteCount += UInt64(try await client.verify(subtree))
            entryCount += subtree.count
        } catch {
            let finding = Finding(
                error, about: EntryIndex(subtree.start), showing: .page(subtree))
            guard finding.verdict == .tampered || finding.refusal != nil else {
                return findings.append(finding)
            }
            let countBefore = findings.count
            for index in subtree.start..<subtree.end where !isOver && !Task.isCancelled {
                await read(EntryIndex(index))
            }
            // Each entry is proven now, and together they were not: the server changes its answers.
            if findings.count == countBefore, !Task.isCancelled {
                let isAboutAll = Self.isDataLoss(error) || finding.refusal != nil
                findings.append(
                    isAboutAll ? Finding(error, showing: .page(subtree)) : finding)
            }
        }
    }
}
