import RocksDBBridge

/// Records to be written atomically.
final class RecordBatch {
    let pointer: OpaquePointer

    init() {
        guard let pointer = rocks_batch_create() else { preconditionFailure("out of memory") }
        self.pointer = pointer
    }

    deinit {
        rocks_batch_destroy(pointer)
    }

    func removeAll() { rocks_batch_clear(pointer) }

    @inline(__always)
    func put(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        rocks_batch_put(pointer, key.baseAddress, key.count, value.baseAddress, value.count)
    }
}
