import ImmudbStore
import OwnThread
import SimulatedDisk
import StorageIO
import Testing

/// Trees with more entries than the ledger. Under durability `always` that shows that acknowledged
/// entries are lost, and opening fails. Under weaker durability a power failure may have this
/// effect.
@Suite(.serialized, .ownThread)
struct WitnessTests {
    private static let digests = "\(StoreSession.path)/tree/digests"
    private static let places = "\(StoreSession.path)/tree/places"

    /// A database of durability `never`. A power failure kept seven entries in the tree, but only
    /// three of them in the ledger.
    private let session: StoreSession
    private let image: SimulatedDisk

    init() throws {
        let disk = SimulatedDisk()
        session = StoreSession(disk, .never)
        try session.open()
        try session.append(.values([1, 2, 3]))
        try session.reopen()
        for _ in 0..<4 { try session.append(.values([10])) }
        image = disk.crashed(.losingUnsynchronized)
        let whole = disk.crashed(.keepingUnsynchronized)
        for path in [Self.digests, Self.places] {
            image.replace(path, with: try #require(whole.bytes(of: path)))
        }
        session.abandon()
    }

    @Test(
        "does not take a leaf that outlives its entry under weaker durability for a lost entry"
    )
    func staleLeaves() throws {
        let strict = session.next(on: image, .always)
        try strict.open(losing: .tail)
        #expect(strict.model.found.count == 3)
        // From now on a leaf proves that its entry was synchronized. Earlier leaves must be gone.
        try strict.reopen()
        try strict.append(.values([5]))
        strict.crash(nil)
        try strict.open()
        #expect(strict.model.found.count == 4)
    }

    @Test(
        "opens with a flipped bit in a view's head after a power failure",
        arguments: [digests, places])
    func flippedHead(path: String) throws {
        let flags = 40..<44
        for byte in 0..<48 {
            for bit in flags.contains(byte) ? Array(0..<8) : [(byte * 5 + 3) % 8] {
                let disk = image.copy()
                #expect(disk.flip(path, byte: byte, bit: bit))
                let next = session.next(on: disk)
                do {
                    try next.open(losing: .tail)
                } catch {
                    Issue.record("byte \(byte), bit \(bit): \(error)\n\(next.context)")
                }
                #expect(next.model.found.count == 3)
                next.close()
            }
        }
    }
}
