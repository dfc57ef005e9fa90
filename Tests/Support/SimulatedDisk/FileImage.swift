/// A file's bytes, its length, and the space that it takes.
struct FileImage: Sendable {
    /// One change of a file, which the page cache and the journal hold until a sync.
    enum Change: Sendable {
        case write(offset: Int, bytes: [UInt8])
        /// The new length of a write whose bytes were lost.
        case extend(to: Int)
        case reserve(to: Int)
        case truncate(to: Int)
    }

    static let maximumByteCount = 1 << 36

    private var bytes = PagedBytes()
    private(set) var byteCount = 0
    /// The number of pages from the beginning that are reserved, written or not.
    private var reservedPageCount = 0
    private(set) var allocatedPageCount = 0

    /// - Returns: the number of bytes read, which is less than the buffer's only at the end of the
    ///   file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        let count = max(0, min(buffer.count, byteCount - offset))
        bytes.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: offset)
        return count
    }

    var allBytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialized in
            initialized = read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
        }
    }

    mutating func apply(_ change: Change) {
        switch change {
        case .write(let offset, let bytes):
            guard !bytes.isEmpty else { return }
            write(bytes[...], at: offset)
            byteCount = max(byteCount, offset + bytes.count)
        case .extend(let end): byteCount = max(byteCount, end)
        case .reserve(let end):
            byteCount = max(byteCount, end)
            reserve(Self.pageCount(end))
        case .truncate(let end): truncate(to: end)
        }
    }

    /// Changes bytes but not the length. Bytes after the end are hidden until the file grows.
    mutating func write(_ slice: ArraySlice<UInt8>, at offset: Int) {
        guard !slice.isEmpty else { return }
        allocatedPageCount += unallocatedPageCount(offset, slice.count)
        slice.withUnsafeBytes { bytes.write($0, at: offset) }
    }

    /// Sets the bytes after the end to zero.
    mutating func clearBehindEnd() {
        truncate(to: byteCount)
    }

    mutating func flip(byte: Int, bit: Int) {
        if byte < byteCount {
            allocatedPageCount += unallocatedPageCount(byte, 1)
            bytes.flip(byte: byte, bit: bit)
        }
    }

    /// Returns the number of pages that a write there must allocate.
    func unallocatedPageCount(_ offset: Int, _ count: Int) -> Int {
        guard count > 0 else { return 0 }
        let first = max(reservedPageCount, offset / PagedBytes.pageByteCount)
        let end = Self.pageCount(offset + count)
        return first < end ? end - first - bytes.writtenPageCount(from: first, to: end) : 0
    }

    /// Returns the number of pages that a reservation must allocate.
    func unallocatedPageCount(reservingTo end: Int) -> Int {
        unallocatedPageCount(0, end)
    }

    /// Returns the number of bytes of a write that fit if `freePageCount` pages can be allocated.
    func writableByteCount(_ offset: Int, _ count: Int, freePageCount: Int) -> Int {
        guard unallocatedPageCount(offset, count) > freePageCount else { return count }
        var free = freePageCount
        var place = offset
        while place < offset + count {
            let page = place / PagedBytes.pageByteCount
            if page >= reservedPageCount, !bytes.isWritten(page: page) {
                if free == 0 { return place - offset }
                free -= 1
            }
            place = (page + 1) * PagedBytes.pageByteCount
        }
        return count
    }

    private mutating func reserve(_ pageCount: Int) {
        guard pageCount > reservedPageCount else { return }
        allocatedPageCount +=
            pageCount - reservedPageCount
            - bytes.writtenPageCount(from: reservedPageCount, to: pageCount)
        reservedPageCount = pageCount
    }

    private mutating func truncate(to end: Int) {
        bytes.clear(from: end)
        byteCount = end
        reservedPageCount = min(reservedPageCount, Self.pageCount(end))
        allocatedPageCount = reservedPageCount + bytes.writtenPageCount(from: reservedPageCount)
    }

    private static func pageCount(_ byteCount: Int) -> Int {
        (byteCount + PagedBytes.pageByteCount - 1) / PagedBytes.pageByteCount
    }
}
