import StorageIO

/// Records of a view that could not be written to a failing disk yet, in memory. They are the last ones of the file.
struct PendingRecords {
    private var bytes: [UInt8] = []
    /// The offset in the file at which they begin.
    private var start: UInt64 = 0

    var byteCount: Int { bytes.count }

    /// Adds records that belong at `offset` in the file.
    /// - Precondition: they follow the records that wait.
    mutating func add(_ records: UnsafeRawBufferPointer, at offset: UInt64) {
        if bytes.isEmpty { start = offset }
        precondition(offset == start + UInt64(bytes.count), "records follow each other")
        bytes.append(contentsOf: records)
    }

    /// Copies the pending part of the bytes at `offset` to the end of the buffer.
    /// - Returns: the number of bytes that were copied.
    func copy(into buffer: UnsafeMutableRawBufferPointer, from offset: UInt64) -> Int {
        let end = offset + UInt64(buffer.count)
        guard !bytes.isEmpty, end > start else { return 0 }
        let first = max(offset, start)
        let count = Int(end - first)
        let skipped = Int(first - start)
        guard skipped + count <= bytes.count else { return 0 }
        let target = UnsafeMutableRawBufferPointer(rebasing: buffer[(buffer.count - count)...])
        bytes.withUnsafeBytes {
            target.copyMemory(from: .init(rebasing: $0[skipped..<skipped + count]))
        }
        return count
    }

    /// Writes all records, and removes them from memory if that succeeds.
    mutating func write(to file: any StorageFile) throws(StoreError) {
        try file.write(bytes, at: start)
        bytes = []
    }
}
