import TestTools

/// The part of the unsynchronized changes that survives a power failure.
public enum CrashPolicy: Hashable, Sendable {
    /// Nothing: the durable image.
    case losingUnsynchronized
    /// Everything that a failed sync has not dropped.
    case keepingUnsynchronized
    /// Some sectors of some files, some lengths, and a prefix of the changes of names.
    case keepingSome(seed: UInt64)
    /// Only the first bytes of the newest unsynchronized write. All other changes are kept, or
    /// lost.
    case tearingLastWrite(byteCount: Int, keepingRest: Bool = true)
}

/// A power failure while its effect is computed.
struct Crash {
    /// The number of changes of names that are kept.
    let journalEnd: Int
    private var random: SplitMix64
    private let lastNumber: Int
    private let rule: Rule

    private enum Rule {
        /// The same sample for all files.
        case sample(CrashSample)
        /// A sample drawn for each file.
        case draw
        case tear(number: Int, byteCount: Int, keepingRest: Bool)
    }

    init(_ policy: CrashPolicy, _ state: DiskState) {
        let journal = state.names.journal
        lastNumber = state.trace.count
        random = SplitMix64(seed: 0)
        switch policy {
        case .losingUnsynchronized:
            rule = .sample(CrashSample(changes: .none))
            journalEnd = 0
        case .keepingUnsynchronized:
            rule = .sample(CrashSample(changes: .all))
            journalEnd = journal.count
        case .keepingSome(let seed):
            random = SplitMix64(seed: seed)
            if random.chance(1, of: 4) {
                let last = random.next(below: lastNumber + 1)
                rule = .sample(CrashSample(changes: .before(last)))
                journalEnd = journal.firstIndex { $0.number > last } ?? journal.count
            } else {
                rule = .draw
                journalEnd =
                    switch random.next(below: 4) {
                    case 0: 0
                    case 1: journal.count
                    default: random.next(below: journal.count + 1)
                    }
            }
        case .tearingLastWrite(let byteCount, let keepingRest):
            let number = state.lastPendingWrite?.number ?? 0
            rule = .tear(number: number, byteCount: byteCount, keepingRest: keepingRest)
            journalEnd = keepingRest ? journal.count : 0
        }
    }

    mutating func image(of file: Inode) -> FileImage {
        switch rule {
        case .sample(let sample): file.image(after: sample, &random)
        case .draw:
            file.image(after: .random(&random, lastNumber: lastNumber), &random)
        case .tear(let number, let byteCount, let keepingRest):
            file.image(tearing: number, keeping: byteCount, keepingRest: keepingRest)
        }
    }
}

extension DiskState {
    /// The newest write that no sync has made durable.
    var lastPendingWrite: (inode: Int, number: Int, offset: Int, byteCount: Int)? {
        var newest: (inode: Int, number: Int, offset: Int, byteCount: Int)?
        for (inode, file) in inodes {
            for (number, change) in file.pending.reversed() {
                guard case .write(let offset, let bytes) = change else { continue }
                if number > newest?.number ?? 0 { newest = (inode, number, offset, bytes.count) }
                break
            }
        }
        return newest
    }
}
