import Foundation
import ImmudbBackup
import ImmudbModel
import MerkleTree
import StorageIO
import Testing

@Suite("The format of backups")
struct BackupFormatTests {
    private let identity = DatabaseIdentity(Array(0..<16))!

    private var head: BackupHead {
        BackupHead(
            identity: identity, serverIdentifier: Array(20..<32), name: "dätä",
            timeMicroseconds: 1_700_000_000_000_000)
    }

    private func chunk(_ entries: [(key: String, value: [UInt8])], from first: UInt64 = 0)
        -> [UInt8]
    {
        var builder = ChunkBuilder(identity)
        var tree = MerkleAccumulator()
        for (number, entry) in entries.enumerated() {
            let key = Array(entry.key.utf8)
            let index = EntryIndex(first + UInt64(number))
            key.withUnsafeBytes { key in
                entry.value.withUnsafeBytes { value in
                    builder.add(
                        BackupEntry(
                            index: index, kind: .value, isEndOfBatch: true,
                            isFirstOfFrame: number == 0, timeMicroseconds: -5, key: key,
                            value: value))
                    tree.append(.leaf(index: index, key: key, value: value))
                }
            }
        }
        return builder.finish(root: tree.root)
    }

    @Test("has the head of docs/backup-format.md, byte by byte")
    func headBytes() throws {
        let bytes = head.bytes
        #expect(bytes.count == 96 + 6 + 4)
        #expect(bytes.starts(with: Array("IMMUBAK1".utf8) + [1, 0, 0, 0, 6, 0, 0, 0]))
        #expect(Array(bytes[16..<44]) == Array(0..<16) + Array(20..<32))
        #expect(Array(bytes[44..<56]) == [1, 0, 0, 0] + Array(repeating: 0, count: 8))
        #expect(Array(bytes[56..<88]) == Digest.emptyTree.bytes)
        #expect(Array(bytes[96..<102]) == Array("dätä".utf8))
        #expect(try BackupHead(bytes) == head)
        var anonymous = head
        anonymous.serverIdentifier = nil
        #expect(try BackupHead(anonymous.bytes) == anonymous)
    }

    @Test("has the entries and the trailer of docs/backup-format.md, byte by byte")
    func chunkBytes() throws {
        let bytes = chunk([("k", [9, 8]), ("key", [])])
        #expect(Array(bytes[..<8]) == [1] + Array("CHK".utf8) + [0, 0, 0, 0])
        // Two heads, one time, six bytes of keys and values, the root.
        #expect(Array(bytes[8..<16]) == [24 + 8 + 6 + 32, 0, 0, 0, 2, 0, 0, 0])
        #expect(bytes.count == 40 + 24 + 8 + 6 + 32)
        #expect(Array(bytes[40..<52]) == [0, 3, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0])
        #expect(Array(bytes[52..<60]) == [251] + Array(repeating: 255, count: 7))
        #expect(
            Array(bytes[60..<75]) == Array("k".utf8) + [9, 8, 0, 1, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0])
        let trailer = BackupTrailer(start: .empty, end: .empty, timeMicroseconds: 1).bytes(identity)
        #expect(trailer.count == 100)
        #expect(trailer.starts(with: [1] + Array("END".utf8)))
    }

    @Test("is read as it was written")
    func roundTrip() throws {
        let first = chunk([("k", [9, 8]), ("key", [])])
        let trailer = BackupTrailer(start: .empty, end: .empty, timeMicroseconds: 7)
        var reader = try memoryReader(head.bytes + first + trailer.bytes(identity))
        #expect(reader.head == head)
        var keys: [String] = []
        while let part = try reader.next() {
            switch part {
            case .chunk(let chunk):
                #expect(chunk.byteCount == first.count)
                try chunk.forEachEntry { entry in
                    keys.append(String(decoding: entry.key, as: UTF8.self))
                    #expect(entry.timeMicroseconds == -5 && entry.isEndOfBatch)
                }
            case .trailer(let found): #expect(found == trailer)
            }
        }
        #expect(keys == ["k", "key"])
    }

    @Test("refuses lengths that no chunk has, without taking memory for them")
    func lengths() throws {
        /// A header with a right checksum that states `payload` bytes and `count` entries.
        func lying(_ payload: UInt32, _ count: UInt32) -> [UInt8] {
            var bytes = Array(chunk([("k", [])])[..<36])
            for number in 0..<4 {
                bytes[8 + number] = UInt8(truncatingIfNeeded: payload >> (8 * UInt32(number)))
                bytes[12 + number] = UInt8(truncatingIfNeeded: count >> (8 * UInt32(number)))
            }
            var crc = CRC32C()
            for part in [identity.bytes, bytes] { part.withUnsafeBytes { crc.update($0) } }
            return bytes + withUnsafeBytes(of: crc.value.littleEndian) { Array($0) }
        }
        for (payload, count) in [
            (0, 1), (32, 1), (43, 1), (UInt32.max, 1), (1 << 30 + 41, 1), (2 << 20, 2), (100, 0),
            (100, 100), (UInt32.max, .max),
        ] as [(UInt32, UInt32)] {
            var reader = try memoryReader(head.bytes + lying(payload, count) + [1, 2, 3])
            let error = try failure { _ = try reader.next() }
            #expect(error.code == .corruption, "\(payload), \(count)")
            #expect(error.message.contains("impossible"), "\(payload), \(count): \(error)")
        }
        // The largest length that is possible: the bytes are not there, and nothing is kept for them.
        var reader = try memoryReader(head.bytes + lying(1 << 30, 1) + [1, 2, 3])
        #expect(try failure { _ = try reader.next() }.message.contains("incomplete"))
    }

    @Test("keeps a chunk at a mebibyte, unless one entry is larger")
    func chunkSize() throws {
        var builder = ChunkBuilder(identity)
        let value = [UInt8](repeating: 1, count: 300_000)
        var count = 0
        value.withUnsafeBytes { value in
            while true {
                let entry = BackupEntry(
                    index: EntryIndex(UInt64(count)), kind: .value, isEndOfBatch: true,
                    isFirstOfFrame: true, timeMicroseconds: 0, key: value, value: value)
                guard builder.hasRoom(for: entry) else { return }
                builder.add(entry)
                count += 1
            }
        }
        #expect(count == 1)
        #expect(builder.finish(root: .emptyTree).count > 600_000)
    }

    @Test("rests as long as a rate demands, and makes up for little")
    func pace() {
        var pace = Pace(bytesPerSecond: 1_000)
        #expect(pace.rest(after: 1_000, now: .zero) > .milliseconds(700))
        // An hour without work earns a quarter of a second.
        let later = Duration.seconds(3_600)
        #expect(pace.rest(after: 250, now: later) == .zero)
        #expect(pace.rest(after: 1_000, now: later) == .seconds(1))
    }
}
