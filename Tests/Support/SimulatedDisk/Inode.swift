import TestTools

/// A file without its name: its live image, its durable image, and the changes between them.
struct Inode: Sendable {
    /// The image that running code sees.
    private(set) var live = FileImage()
    /// The image that survives a power failure in any case.
    private(set) var durable = FileImage()
    /// The changes that no sync has made durable, oldest first, with the numbers of their calls.
    private(set) var pending: [(number: Int, change: FileImage.Change)] = []
    /// Whether a name leads to it in the live image.
    var isLinked = true
    var openCount = 0

    init() {}

    /// Makes a file of a disk that comes back from a power failure: nothing is pending.
    init(_ image: FileImage) {
        live = image
        durable = image
    }

    mutating func apply(_ change: FileImage.Change, number: Int) {
        live.apply(change)
        pending.append((number, change))
    }

    mutating func synchronize() {
        for (_, change) in pending { durable.apply(change) }
        pending.removeAll(keepingCapacity: true)
    }

    /// Does what Linux does if the disk refuses dirty pages: some sectors may have reached it, and
    /// all pages count as clean from then on, so no later sync writes them. Lengths are in the
    /// journal, and stay pending.
    ///
    /// - Parameter dropsCache: whether reads return the disk's bytes from then on.
    mutating func failSynchronization(_ random: inout SplitMix64, dropsCache: Bool) {
        let sample = CrashSample.random(&random, lastNumber: pending.last?.number ?? 0)
        sample.apply(pending, metadataEnd: 0, to: &durable, &random)
        for place in pending.indices {
            if case .write(let offset, let bytes) = pending[place].change {
                pending[place].change = .extend(to: offset + bytes.count)
            }
        }
        if dropsCache {
            live = durable
            for (_, change) in pending { live.apply(change) }
        }
    }

    /// Returns the image of the file after a power failure.
    func image(after sample: CrashSample, _ random: inout SplitMix64) -> FileImage {
        var image = durable
        switch sample.changes {
        case .none: break
        case .all: for (_, change) in pending { image.apply(change) }
        case .before, .writes, .sectors:
            let end = sample.metadataEnd(of: pending, &random)
            sample.apply(pending, metadataEnd: end, to: &image, &random)
        }
        image.clearBehindEnd()
        return image
    }

    /// Returns the image after a power failure that cuts the write with this call number short.
    func image(tearing number: Int, keeping byteCount: Int, keepingRest: Bool) -> FileImage {
        var image = durable
        for (callNumber, change) in pending {
            if callNumber == number, case .write(let offset, let bytes) = change {
                image.apply(.write(offset: offset, bytes: Array(bytes.prefix(byteCount))))
            } else if keepingRest {
                image.apply(change)
            }
        }
        image.clearBehindEnd()
        return image
    }

    /// Flips a bit on the medium, and in the cache.
    mutating func flip(byte: Int, bit: Int) {
        live.flip(byte: byte, bit: bit)
        durable.flip(byte: byte, bit: bit)
        for place in pending.indices {
            if case .write(let offset, var bytes) = pending[place].change,
                byte >= offset, byte < offset + bytes.count
            {
                bytes[byte - offset] ^= 1 << UInt8(bit)
                pending[place].change = .write(offset: offset, bytes: bytes)
            }
        }
    }
}
