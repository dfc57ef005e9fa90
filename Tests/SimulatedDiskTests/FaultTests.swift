import Foundation
import SimulatedDisk
import StorageIO
import Testing

/// The errors of failing calls, and the state that they leave.
struct FaultTests {
    @Test("refuses every call after the last one, until the next process starts")
    func stop() throws {
        let (disk, file) = try DurabilityTests.disk([1])
        disk.stop(afterCall: disk.callCount + 1)
        try file.write([2], at: 0)
        #expect(disk.isStopped)
        #expect(throws: StoreError(.io, "")) { try file.write([3], at: 0) }
        #expect(throws: StoreError(.io, "")) { try file.synchronize() }
        #expect(throws: StoreError(.io, "")) { try disk.names(inDirectory: "/") }
        #expect(disk.bytes(of: "/a") == [2])
        let next = disk.killed()
        #expect(try next.open("/a", .readOnly).read(byteCount: 9, at: 0) == [2])
    }

    @Test("does not make bytes durable by a sync after a failed one")
    func failedSync() throws {
        for drops in [false, true] {
            var options = SimulatedDisk.Options()
            options.dropsCacheAfterFailedSync = drops
            var lost = 0
            for seed in 0..<20 {
                let disk = SimulatedDisk(seed: UInt64(seed), options: options)
                let file = try disk.open("/a", .createNew)
                try file.write([1, 1], at: 0)
                try file.synchronize()
                try disk.synchronizeDirectory("/")
                try file.write([2, 2, 2], at: 0)
                disk.fail(.kind(.synchronizeData, number: 1), error: EIO)
                #expect(throws: StoreError(.io, "")) { try file.synchronizeData() }
                try file.synchronizeData()
                let durable = try #require(disk.crashed(.losingUnsynchronized).bytes(of: "/a"))
                // A sector may have reached the disk before the failure.
                #expect(durable == [1, 1, 0] || durable == [2, 2, 2])
                if durable[0] == 1 { lost += 1 }
                #expect(disk.killed().bytes(of: "/a") == (drops ? durable : [2, 2, 2]))
                // Written again and synchronized, it is durable.
                try file.write([3], at: 1)
                try file.synchronizeData()
                #expect(disk.durableBytes(of: "/a")?[1] == 3)
                #expect(disk.durableBytes(of: "/a")?[0] == durable[0])
            }
            #expect(lost > 0 && lost < 20)
        }
    }

    @Test("keeps nothing, a part or all of a failed write")
    func failedWrite() throws {
        var counts: Set<Int> = []
        for seed in 0..<50 {
            let disk = SimulatedDisk(seed: UInt64(seed))
            let file = try disk.open("/a", .createNew)
            disk.fail(.kind(.write), error: ENOSPC)
            #expect(throws: StoreError(.noSpace, "")) { try file.write([1, 2, 3], at: 0) }
            let bytes = try #require(disk.bytes(of: "/a"))
            #expect([1, 2, 3].starts(with: bytes))
            counts.insert(bytes.count)
            try file.write([4], at: 0)
        }
        #expect(counts == [0, 1, 2, 3])
    }

    @Test("may have renamed, removed or created after EIO, but not after ENOSPC")
    func failedNames() throws {
        var outcomes: [Set<Bool>] = [[], [], []]
        for seed in 0..<40 {
            let disk = SimulatedDisk(seed: UInt64(seed))
            _ = try disk.open("/a", .createNew)
            disk.fail(.kind(.rename), error: ENOSPC)
            #expect(throws: StoreError(.noSpace, "")) { try disk.rename("/a", to: "/b") }
            #expect(disk.files.map(\.path) == ["/a"])
            disk.fail(.kind(.rename), error: EIO)
            #expect(throws: StoreError(.io, "")) { try disk.rename("/a", to: "/b") }
            outcomes[0].insert(disk.bytes(of: "/b") != nil)
            #expect(disk.files.count == 1)
            disk.fail(.kind(.removeFile), error: EIO)
            #expect(throws: StoreError(.io, "")) { try disk.removeFile(disk.files[0].path) }
            outcomes[1].insert(disk.files.isEmpty)
            disk.fail(.kind(.createDirectory), error: EIO)
            #expect(throws: StoreError(.io, "")) { try disk.createDirectory("/x") }
            outcomes[2].insert(try disk.exists("/x"))
        }
        #expect(outcomes == [[false, true], [false, true], [false, true]])
    }

    @Test("fails by number, kind and predicate, once, often or until it is healed")
    func plans() throws {
        let disk = SimulatedDisk(seed: 3)
        disk.fail(.call(2), error: EIO)
        let file = try disk.open("/a", .createNew)
        #expect(throws: StoreError(.io, "")) { try file.write([1], at: 0) }
        try file.write([1], at: 0)
        // A call does not fail with an error that it cannot have.
        disk.fail(.call(disk.callCount + 1), error: ENOSPC, times: nil)
        #expect(try file.read(byteCount: 1, at: 0) == [1])
        for _ in 0..<3 { #expect(throws: StoreError.self) { try file.write([1], at: 9) } }
        disk.heal()
        try file.write([1], at: 0)
        disk.fail(.kind(.byteCount, number: 2), error: EIO, times: 2)
        _ = try file.byteCount()
        for _ in 0..<2 { #expect(throws: StoreError.self) { try file.byteCount() } }
        _ = try file.byteCount()
        disk.fail(.matching { $0.kind == .open && $0.path.hasSuffix("a") }, error: EMFILE)
        #expect(throws: StoreError(.noDescriptors, "")) { try disk.open("/a", .readOnly) }
        _ = try disk.open("/a", .readOnly)
    }

    @Test("can fail each kind of call with each possible error")
    func everyError() throws {
        for kind in CallKind.allCases {
            for error in kind.possibleErrors {
                let disk = SimulatedDisk(seed: UInt64(error))
                let file = try disk.open("/a", .createNew)
                disk.fail(.kind(kind, number: disk.callCount(of: kind) + 1), error: error)
                #expect(throws: StoreError.system("", "", error), "\(kind) \(error)") {
                    switch kind {
                    case .open: _ = try disk.open("/a", .readOnly)
                    case .createNew: _ = try disk.open("/b", .createNew)
                    case .names: _ = try disk.names(inDirectory: "/")
                    case .createDirectory: try disk.createDirectory("/d")
                    case .exists: _ = try disk.exists("/a")
                    case .removeFile: try disk.removeFile("/a")
                    case .rename: try disk.rename("/a", to: "/b")
                    case .synchronizeDirectory: try disk.synchronizeDirectory("/")
                    case .freeSpace: _ = try disk.freeSpace(at: "/")
                    case .lock: _ = try disk.lock("/l")
                    case .read: _ = try file.read(byteCount: 1, at: 0)
                    case .write: try file.write([1], at: 0)
                    case .synchronizeData: try file.synchronizeData()
                    case .synchronize: try file.synchronize()
                    case .allocate: try file.allocate(byteCount: 9)
                    case .byteCount: _ = try file.byteCount()
                    case .truncate: try file.truncate(to: 0)
                    }
                }
                #expect(disk.calls.last?.failure == error)
            }
        }
    }

    @Test("describes its newest calls")
    func trace() throws {
        let (disk, file) = try DurabilityTests.disk([1, 2, 3])
        disk.fail(.call(disk.callCount + 1), error: EIO)
        #expect(throws: StoreError.self) { try file.read(byteCount: 1, at: 0) }
        let text = disk.description
        #expect(text.contains("call 2: write /a 3 bytes at 0"))
        #expect(text.contains("call 5: read /a 1 bytes at 0: Input/output error"))
        #expect(text.contains("/a: 3 bytes"))
    }
}
