import TestTools

/// The pending changes of a file that reach the disk in a power failure.
///
/// The kernel writes pages in any order, and the disk writes sectors of 512 bytes whole or not at
/// all. So each sector ends as one of the versions that it had: the durable one, or that with the
/// first few of the pending writes to it. Sectors do not depend on each other. Lengths and
/// reservations go through a journal, of which a prefix is kept. A write after a truncation that is
/// not kept is lost, since its blocks belong to no file.
struct CrashSample: Sendable {
    enum Changes: Sendable {
        case none
        case all
        /// All changes up to this call and none after it, as on a disk that keeps the order.
        case before(Int)
        /// Each write whole or not at all, with this chance in 256.
        case writes(Int)
        /// Each sector independently, with this chance in 256.
        case sectors(Int)
    }

    static let sectorByteCount = 512

    var changes: Changes

    static func random(_ random: inout SplitMix64, lastNumber: Int) -> CrashSample {
        switch random.next(below: 8) {
        case 0: CrashSample(changes: .none)
        case 1: CrashSample(changes: .all)
        case 2: CrashSample(changes: .before(random.next(below: lastNumber + 1)))
        case 3, 4: CrashSample(changes: .writes(random.next(below: 257)))
        default: CrashSample(changes: .sectors(random.next(below: 257)))
        }
    }

    typealias Pending = [(number: Int, change: FileImage.Change)]

    /// Returns the number of pending changes that have reached the journal.
    func metadataEnd(of pending: Pending, _ random: inout SplitMix64) -> Int {
        if case .before(let number) = changes {
            return pending.firstIndex { $0.number > number } ?? pending.count
        }
        return switch random.next(below: 4) {
        case 0: 0
        case 1: pending.count
        default: random.next(below: pending.count + 1)
        }
    }

    /// Applies the changes that the sample keeps: some sectors, and the metadata up to
    /// `metadataEnd`.
    func apply(
        _ pending: Pending, metadataEnd: Int, to image: inout FileImage,
        _ random: inout SplitMix64
    ) {
        let versions = versions(of: pending, metadataEnd: metadataEnd, &random)
        for (place, (_, change)) in pending.enumerated() {
            guard case .write(let offset, let bytes) = change, !bytes.isEmpty else {
                if place < metadataEnd { image.apply(change) }
                continue
            }
            for sector in Self.sectors(offset, bytes.count) {
                guard let version = versions[sector], place <= version else { continue }
                let start = max(offset, sector * Self.sectorByteCount)
                let end = min(offset + bytes.count, (sector + 1) * Self.sectorByteCount)
                image.write(bytes[start - offset..<end - offset], at: start)
            }
            if place < metadataEnd { image.apply(.extend(to: offset + bytes.count)) }
        }
    }

    /// Returns the place in `pending` of the last write to each kept sector.
    private func versions(
        of pending: Pending, metadataEnd: Int, _ random: inout SplitMix64
    ) -> [Int: Int] {
        var versions: [Int: Int] = [:]
        for place in pending.indices.reversed() {
            guard case .write(let offset, let bytes) = pending[place].change, !bytes.isEmpty else {
                continue
            }
            let keepsWrite = self.keepsWrite(pending[place].number, &random)
            let end = Self.lostTruncation(pending[..<place].dropFirst(metadataEnd)) ?? .max
            for sector in Self.sectors(offset, bytes.count) where versions[sector] == nil {
                guard (sector + 1) * Self.sectorByteCount <= end else { continue }
                if keepsWrite ?? keepsSector(&random) { versions[sector] = place }
            }
        }
        return versions
    }

    /// Whether a write is kept, or nil if each sector is drawn independently.
    private func keepsWrite(_ number: Int, _ random: inout SplitMix64) -> Bool? {
        switch changes {
        case .none: false
        case .all: true
        case .before(let last): number <= last
        case .writes(let chance): random.chance(chance, of: 256)
        case .sectors: nil
        }
    }

    private func keepsSector(_ random: inout SplitMix64) -> Bool {
        if case .sectors(let chance) = changes { random.chance(chance, of: 256) } else { false }
    }

    private static func sectors(_ offset: Int, _ count: Int) -> ClosedRange<Int> {
        offset / sectorByteCount...(offset + count - 1) / sectorByteCount
    }

    /// Returns the shortest length to which these changes cut the file.
    private static func lostTruncation(_ changes: Pending.SubSequence) -> Int? {
        var shortest: Int?
        for (_, change) in changes {
            if case .truncate(let end) = change { shortest = min(shortest ?? end, end) }
        }
        return shortest
    }
}
