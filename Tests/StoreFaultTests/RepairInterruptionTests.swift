import HexEditor
import ImmudbStore
import OwnThread
import SimulatedDisk
import StorageIO
import Testing

/// A repair that is interrupted, or whose calls fail: each segment is as it was or as it should be.
@Suite(.serialized, .ownThread)
struct RepairInterruptionTests {
    @Test("leaves each segment old or new when it is interrupted, and ends the work the next time")
    func interrupted() async throws {
        let fixture = try RepairFixture()
        try fixture.damage(.everything)
        let damaged = fixture.disk.killed()
        let start = damaged.callCount
        let new = damaged.copy()
        #expect(try RepairFixture.repair(new).isRepaired)
        let calls = new.callCount - start
        let paths = (0..<(try fixture.editor.segmentCount)).map(fixture.editor.segmentPath)
        let outcomes = Outcomes()
        let writes = try Self.changingCalls(of: damaged)
        outcomes.count("calls", calls)
        try await onThreads(sample(writes, aiming: 150)) { number in
            let disk = damaged.killed()
            disk.stop(afterCall: number)
            _ = try? RepairFixture.repair(disk)
            let policies: [CrashPolicy?] = [
                nil, .losingUnsynchronized, .keepingUnsynchronized,
                .keepingSome(seed: UInt64(number)),
            ]
            for policy in policies {
                outcomes.check("interrupted", "after call \(number), \(String(describing: policy))")
                {
                    let next = policy.map(disk.crashed) ?? disk.killed()
                    for path in paths {
                        let bytes = next.bytes(of: path)
                        guard bytes == damaged.bytes(of: path) || bytes == new.bytes(of: path)
                        else { throw BrokenPromise("\(path) is neither old nor new") }
                    }
                    guard try RepairFixture.repair(next).isRepaired else {
                        throw BrokenPromise("a second repair does not end the work")
                    }
                    outcomes.count("repaired in the end")
                }
            }
        }
        outcomes.report("interrupted repairs")
    }

    /// Returns the numbers of the calls after which a repair has changed something, and those before them.
    private static func changingCalls(of damaged: SimulatedDisk) throws -> [Int] {
        var numbers: [Int] = []
        var options = SimulatedDisk.Options()
        options.traceCapacity = 100_000
        let disk = SimulatedDisk(options: options)
        try RepairFixture.copyFiles(from: damaged, StoreSession.path, to: disk, StoreSession.path)
        try RepairFixture.copyFiles(from: damaged, RepairFixture.copy, to: disk, RepairFixture.copy)
        let start = disk.callCount
        _ = try RepairFixture.repair(disk)
        let changing: Set<CallKind> = [
            .write, .createNew, .rename, .removeFile, .synchronize, .synchronizeDirectory,
        ]
        for call in disk.calls where call.number > start && changing.contains(call.kind) {
            numbers += [call.number - start - 1, call.number - start]
        }
        return numbers
    }

    @Test("ends with the system's error, or whole, when a call fails")
    func failingCalls() async throws {
        let fixture = try RepairFixture()
        try fixture.damage(.everything)
        let damaged = fixture.disk.killed()
        let new = damaged.copy()
        _ = try RepairFixture.repair(new)
        let paths = (0..<(try fixture.editor.segmentCount)).map(fixture.editor.segmentPath)
        let outcomes = Outcomes()
        let writes = try Self.changingCalls(of: damaged)
        try await onThreads(sample(writes, aiming: 80)) { number in
            for error: Int32 in [5, 28] {
                let disk = damaged.killed()
                disk.fail(.call(number), error: error)
                outcomes.check("failing", "call \(number), error \(error)") {
                    do {
                        _ = try RepairFixture.repair(disk)
                    } catch let failure as StoreError {
                        guard [.io, .noSpace].contains(failure.code) else { throw failure }
                        outcomes.count("\(failure.code)")
                    }
                    disk.heal()
                    let next = disk.crashed(.losingUnsynchronized)
                    for path in paths {
                        let bytes = next.bytes(of: path)
                        guard bytes == damaged.bytes(of: path) || bytes == new.bytes(of: path)
                        else { throw BrokenPromise("\(path) is neither old nor new") }
                    }
                    guard try RepairFixture.repair(disk).isRepaired else {
                        throw BrokenPromise("a second repair does not end the work")
                    }
                }
            }
        }
        outcomes.report("repairs with failing calls")
    }
}
