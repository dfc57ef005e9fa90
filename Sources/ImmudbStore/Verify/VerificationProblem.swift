import ImmudbModel

/// Something that is wrong with the files of a database: what, and where.
///
/// The kind tells an accident from a change by somebody: CRC-32C finds accidents, SHA-256 finds attackers. An attacker
/// can corrupt a checksum, too, so ``Kind/checksum`` does not prove that nobody changed the bytes.
public struct VerificationProblem: Hashable, Codable, Sendable, CustomStringConvertible {
    public enum Kind: String, Codable, Sendable, CaseIterable {
        /// Bytes fail their checksum: an accident, such as a bad disk or an interrupted copy.
        case checksum
        /// Bytes pass their checksums, but do not lead to the digest or the root that is stored for them: somebody
        /// changed them.
        case digest
        /// Entries, or a file, that were there are gone.
        case missing
        /// A file belongs to another database.
        case foreign
        /// A view differs from the ledger, which is intact there. The view can be rebuilt.
        case view
        /// Bytes pass their checksums, but are not what this version writes.
        case format
        /// The disk cannot read the bytes.
        case unreadable
        /// There are fewer entries than the expected root covers: an older state of the folder, or its end was removed.
        case rolledBack
        /// The entries do not have the expected root: another history.
        case otherHistory
    }

    public var kind: Kind
    /// The path of the file or folder.
    public var file: String
    /// The offset in the file.
    public var offset: UInt64?
    /// The index of the first entry that the problem is about.
    public var firstEntry: UInt64?
    /// How many entries it is about, from the first one on; 0 if it is about none.
    public var entryCount: UInt64
    /// The key of the entry, if it is about one whose key is known.
    public var key: [UInt8]?
    /// What is wrong, for a person.
    public var what: String

    init(
        _ kind: Kind, _ file: String, at offset: (some BinaryInteger)? = Int?.none,
        entries: Range<UInt64>? = nil, key: [UInt8]? = nil, _ what: String
    ) {
        self.kind = kind
        self.file = file
        self.offset = offset.map { UInt64($0) }
        firstEntry = entries?.lowerBound
        entryCount = entries.map { $0.upperBound - $0.lowerBound } ?? 0
        self.key = key
        self.what = what
    }

    /// One line: kind, file, offset, entries, key, and what is wrong.
    public var description: String {
        var text = "\(kind.rawValue): \(file)"
        if let offset { text += ", byte \(offset)" }
        if let firstEntry {
            switch entryCount {
            case 0: text += ", before entry \(firstEntry)"
            case 1: text += ", entry \(firstEntry)"
            default: text += ", entries \(firstEntry) to \(firstEntry + (entryCount - 1))"
            }
        }
        if let key { text += ", key \(Entry.shown(key))" }
        return "\(text): \(what)"
    }

    /// Whether a problem directly behind this one can be told in the same line.
    fileprivate func isContinued(by next: VerificationProblem) -> Bool {
        guard let firstEntry, next.firstEntry == firstEntry + entryCount, entryCount > 0 else {
            return false
        }
        return kind == next.kind && file == next.file && what == next.what && key == nil
            && next.key == nil && next.entryCount > 0
    }

    fileprivate mutating func extend(by entryCount: UInt64) { self.entryCount += entryCount }
}

/// The problems of a check: the first thousands of them, and how many there are.
struct ProblemLog: Codable, Sendable {
    static let keptCount = 5_000

    private(set) var problems: [VerificationProblem] = []
    /// How many there are, those included that are not kept. Neighbours of the same kind count as one.
    private(set) var count: UInt64 = 0
    /// The segments whose bytes are damaged, changed or missing.
    private(set) var damagedSegments: Set<UInt32> = []
    /// Whether a root does not follow from entries that look right: any of them may be wrong.
    var hasUnexplainedRoot = false
    /// What is worth knowing and not wrong.
    private(set) var notes: [String] = []
    /// Whether the last root disagreed with the entries.
    private(set) var hasOpenMismatch = false
    /// The number of the problem about that, if it is kept.
    private var openMismatch: Int?

    /// - Parameter segment: the segment that has to be repaired.
    mutating func add(_ problem: VerificationProblem, inSegment segment: UInt32? = nil) {
        if let segment { damagedSegments.insert(segment) }
        if let last = problems.indices.last, openMismatch != last,
            problems[last].isContinued(by: problem)
        {
            problems[last].extend(by: problem.entryCount)
            return
        }
        count += 1
        if problems.count < Self.keptCount { problems.append(problem) }
    }

    mutating func note(_ text: String) {
        if notes.count < Self.keptCount { notes.append(text) }
    }

    // MARK: roots that disagree

    mutating func openMismatch(_ problem: VerificationProblem, inSegment segment: UInt32) {
        openMismatch = problems.count < Self.keptCount ? problems.count : nil
        add(problem, inSegment: segment)
        hasOpenMismatch = true
        hasUnexplainedRoot = true
    }

    /// Extends the problem by the entries of a frame whose root disagrees, too.
    mutating func extendMismatch(by entryCount: UInt64) {
        if let openMismatch { problems[openMismatch].extend(by: entryCount) }
    }

    mutating func closeMismatch() {
        hasOpenMismatch = false
        openMismatch = nil
    }

    // MARK: keys

    /// The indexes of single entries whose keys are not known, with the numbers of their problems.
    var entriesWithoutKey: [UInt64: [Int]] {
        var numbers: [UInt64: [Int]] = [:]
        for (number, problem) in problems.enumerated() where problem.key == nil {
            guard let first = problem.firstEntry, problem.entryCount == 1 else { continue }
            numbers[first, default: []].append(number)
        }
        return numbers
    }

    mutating func setKey(_ key: [UInt8], ofProblem number: Int) { problems[number].key = key }
}
