#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// An endless array of bytes, all zero until they are written: 4 KiB pages that copies share until
/// one of them writes. A page that was never written costs only its position in an array.
struct PagedBytes: Sendable {
    static let pageByteCount = 4096

    /// An empty page was never written.
    private var pages: [[UInt8]] = []

    func isWritten(page: Int) -> Bool { page < pages.count && !pages[page].isEmpty }

    /// Returns the number of written pages from `first` up to, but not including, `end`.
    func writtenPageCount(from first: Int, to end: Int = .max) -> Int {
        let end = min(end, pages.count)
        guard first < end else { return 0 }
        return pages[first..<end].count { !$0.isEmpty }
    }

    /// Fills the whole buffer.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) {
        var done = 0
        while done < buffer.count {
            let page = (offset + done) / Self.pageByteCount
            let place = (offset + done) % Self.pageByteCount
            // After the last page there are only zeros.
            let count =
                page < pages.count
                ? min(Self.pageByteCount - place, buffer.count - done) : buffer.count - done
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
            if isWritten(page: page) {
                pages[page].withUnsafeBytes {
                    target.copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: $0[place..<place + count]))
                }
            } else {
                Self.clear(target)
            }
            done += count
        }
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        var done = 0
        while done < bytes.count {
            let page = (offset + done) / Self.pageByteCount
            let place = (offset + done) % Self.pageByteCount
            let count = min(Self.pageByteCount - place, bytes.count - done)
            makePage(page)
            pages[page].withUnsafeMutableBytes {
                UnsafeMutableRawBufferPointer(rebasing: $0[place..<place + count]).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes[done..<done + count]))
            }
            done += count
        }
    }

    /// Sets everything from `offset` on to zero again, and releases the pages.
    mutating func clear(from offset: Int) {
        let page = offset / Self.pageByteCount
        let place = offset % Self.pageByteCount
        guard page < pages.count else { return }
        if place > 0, isWritten(page: page) {
            pages[page].withUnsafeMutableBytes {
                Self.clear(UnsafeMutableRawBufferPointer(rebasing: $0[place...]))
            }
        }
        let kept = place > 0 ? page + 1 : page
        if kept < pages.count { pages.removeSubrange(kept...) }
    }

    mutating func flip(byte: Int, bit: Int) {
        let page = byte / Self.pageByteCount
        makePage(page)
        pages[page][byte % Self.pageByteCount] ^= 1 << UInt8(bit)
    }

    /// Clears a buffer at the speed of memory, also in debug builds.
    private static func clear(_ buffer: UnsafeMutableRawBufferPointer) {
        if let start = buffer.baseAddress { memset(start, 0, buffer.count) }
    }

    private mutating func makePage(_ page: Int) {
        while pages.count <= page { pages.append([]) }
        if pages[page].isEmpty { pages[page] = [UInt8](repeating: 0, count: Self.pageByteCount) }
    }
}
