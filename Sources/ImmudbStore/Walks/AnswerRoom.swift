/// What still fits into an answer, in entries and in bytes, so that an answer neither exhausts the
/// memory nor exceeds what its receiver takes. The first entry always fits, so that a walk in pages
/// gets on.
public struct AnswerRoom: Sendable {
    /// What each entry takes beside key and value.
    private let entryOverheadByteCount: Int
    /// Entries that still fit, if they are small enough.
    public private(set) var entryCount: Int
    private var byteCount: Int
    private var isEmpty = true
    public private(set) var isFull: Bool

    /// - Parameters:
    ///   - limit: the most entries.
    ///   - byteLimit: the most bytes, each entry counted as its key and its value.
    ///   - entryOverheadByteCount: what an entry counts beside these.
    public init(limit: Int = .max, byteLimit: Int, entryOverheadByteCount: Int = 0) {
        self.entryOverheadByteCount = entryOverheadByteCount
        entryCount = max(0, limit)
        byteCount = byteLimit
        isFull = limit <= 0
    }

    /// Takes an entry in.
    /// - Returns: whether it still fits; if not, nothing does any more.
    public mutating func take(_ entry: Entry) -> Bool {
        guard !isFull else { return false }
        let needed = entry.key.count + entry.value.count + entryOverheadByteCount
        guard isEmpty || needed <= byteCount else {
            isFull = true
            return false
        }
        isEmpty = false
        entryCount -= 1
        byteCount = max(0, byteCount) - min(max(0, byteCount), needed)
        isFull = entryCount == 0
        return true
    }
}
