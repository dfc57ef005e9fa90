#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The kind of a call to the disk.
public enum CallKind: String, CaseIterable, Sendable {
    case open, createNew, names, createDirectory, exists, removeFile, rename
    case synchronizeDirectory, freeSpace, lock
    case read, write, synchronizeData, synchronize, allocate, byteCount, truncate

    /// The error numbers of the operating system with which a call of this kind can fail.
    public var possibleErrors: [Int32] {
        switch self {
        case .open: [EIO, EMFILE, ENFILE, EACCES]
        case .createNew: [EIO, ENOSPC, EMFILE, ENFILE, EACCES, EROFS, EDQUOT]
        case .names: [EIO, EMFILE, ENFILE, EACCES]
        case .createDirectory: [EIO, ENOSPC, EACCES, EROFS, EDQUOT]
        case .exists, .freeSpace: [EIO, EACCES]
        case .removeFile: [EIO, EACCES, EROFS]
        case .rename: [EIO, ENOSPC, EACCES, EROFS, EDQUOT]
        case .synchronizeDirectory: [EIO, ENOSPC, EMFILE, ENFILE, EACCES]
        case .lock: [EIO, ENOSPC, EMFILE, ENFILE, EACCES, EROFS]
        case .read, .byteCount: [EIO]
        case .write: [EIO, ENOSPC, EDQUOT]
        case .synchronizeData, .synchronize: [EIO, ENOSPC, EDQUOT]
        case .allocate: [EIO, ENOSPC, EDQUOT]
        case .truncate: [EIO]
        }
    }
}

/// A call in the trace.
public struct DiskCall: Sendable, CustomStringConvertible {
    /// The number of the call, from 1.
    public let number: Int
    public let kind: CallKind
    public let path: String
    /// The new path of a rename.
    public let newPath: String?
    /// The offset of a read or write.
    public let offset: UInt64?
    /// The size of a read, write, reservation or truncation.
    public let byteCount: Int?
    /// The error number of the operating system, if it failed.
    public internal(set) var failure: Int32?

    public var description: String {
        var text = "call \(number): \(kind.rawValue) \(path)"
        if let newPath { text += " to \(newPath)" }
        if let byteCount { text += " \(byteCount) bytes" }
        if let offset { text += " at \(offset)" }
        if let failure { text += ": \(String(cString: strerror(failure)))" }
        return text
    }
}

/// The newest calls, in a ring buffer.
struct CallTrace: Sendable {
    private let capacity: Int
    private var ring: [DiskCall] = []
    /// The number of calls so far.
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    mutating func add(_ call: DiskCall) {
        if ring.count < capacity { ring.append(call) } else { ring[count % capacity] = call }
        count += 1
    }

    mutating func setFailure(_ failure: Int32) {
        ring[(count - 1) % capacity].failure = failure
    }

    /// The calls, oldest first.
    var calls: [DiskCall] {
        guard ring.count == capacity else { return ring }
        let first = count % capacity
        return Array(ring[first...] + ring[..<first])
    }
}
