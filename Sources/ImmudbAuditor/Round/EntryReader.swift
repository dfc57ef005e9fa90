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

    /// Whether nothing more can be learned: the server is not there, its history is another one, or enough was found.
    var isOver: Bool {
        findings.count >= Self.findingLimit
            || findings.contains { $0.verdict != .tampered }
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
            findings.append(Finding(error, about: index))
            return false
        }
    }

    /// Verifies all entries of a subtree together; one by one, if they do not hold together.
    mutating func read(_ subtree: Subtree) async {
        do {
            byteCount += UInt64(try await client.verify(subtree))
            entryCount += subtree.count
        } catch {
            let finding = Finding(error, about: EntryIndex(subtree.start))
            guard finding.verdict == .tampered else { return findings.append(finding) }
            let countBefore = findings.count
            for index in subtree.start..<subtree.end where !isOver && !Task.isCancelled {
                await read(EntryIndex(index))
            }
            // Each entry is proven now, and together they were not: the server changes its answers.
            if findings.count == countBefore, !Task.isCancelled { findings.append(finding) }
        }
    }
}
