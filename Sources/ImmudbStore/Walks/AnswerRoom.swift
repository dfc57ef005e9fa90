/// What still fits into an answer, in entries and in bytes. The first entry always does, so that a
/// walk in pages gets on.
struct AnswerRoom: Sendable {
    /// Room of one entry on the wire, beside its key and value.
    private static let overheadByteCount = 29

    private(set) var entryCount: Int
    private var byteCount: Int
    private var isEmpty = true
    private(set) var isFull: Bool

    init(limit: Int, byteLimit: Int) {
        entryCount = max(0, limit)
        byteCount = byteLimit
        isFull = limit <= 0
    }

    /// - Returns: whether the entry still fits; if not, nothing does any more.
    mutating func take(_ entry: Entry) -> Bool {
        guard !isFull else { return false }
        let needed = entry.key.count + entry.value.count + Self.overheadByteCount
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
