/// The room that an answer has left, in entries and in bytes, so that it neither exhausts the memory nor exceeds what
/// its receiver accepts. The first entry always fits, so that a walk in pages makes progress.
public struct AnswerRoom: Sendable {
    /// The size that each entry counts beside key and value.
    private let entryOverheadByteCount: Int
    /// The number of entries that still fit, if they are small enough.
    public private(set) var entryCount: Int
    private var byteCount: Int
    private var isEmpty = true
    public private(set) var isFull: Bool

    /// - Parameters:
    ///   - limit: the most entries.
    ///   - byteLimit: the most bytes; each entry counts its key and its value.
    ///   - entryOverheadByteCount: how many bytes an entry counts beside these.
    public init(limit: Int = .max, byteLimit: Int, entryOverheadByteCount: Int = 0) {
        self.entryOverheadByteCount = entryOverheadByteCount
        entryCount = max(0, limit)
        byteCount = byteLimit
        isFull = limit <= 0
    }

    /// Takes the room of an entry.
    /// - Returns: whether it fits; if not, the answer is full.
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
