import ImmudbStore
import OwnThread
import SimulatedDisk
import StorageIO
import Testing

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Views that could not be made durable. The kernel reports the failure once; the next call
/// succeeds.
@Suite(.serialized, .ownThread)
struct ViewSyncTests {
    @Test(
        "does not mark a view as valid at a close or later after its sync failed",
        arguments: ["tree/digests", "tree/places"], 0..<8 as Range<UInt64>)
    func failedSync(view: String, seed: UInt64) throws {
        var options = SimulatedDisk.Options()
        options.dropsCacheAfterFailedSync = seed.isMultiple(of: 2)
        // The seed decides which unsynchronized sectors survive; with some seeds, all of them do.
        let disk = SimulatedDisk(seed: seed, options: options)
        let session = StoreSession(disk)
        try session.open()
        try session.append(.values(Array(repeating: 10, count: 8)))
        try session.reopen()
        let path = "\(StoreSession.path)/\(view)"
        // A waiting write makes the view durable soon.
        disk.fail(.matching { $0.kind == .write && $0.path == path }, error: EIO)
        disk.fail(.matching { $0.kind == .synchronize && $0.path == path }, error: EIO, times: nil)
        try session.append(.values([10, 10]))
        let end = ContinuousClock.now + .seconds(20)
        while !session.log.all.contains(where: { $0.contains("written again from the ledger") }) {
            guard ContinuousClock.now < end else {
                throw BrokenPromise("the view is not synchronized\n\(session.context)")
            }
            pause(milliseconds: 1)
        }
        // The peak that the next opening reads is written after the failure.
        try session.append(.values(Array(repeating: 10, count: 6)))
        disk.heal()
        session.close()
        for policy in [CrashPolicy.losingUnsynchronized, .keepingUnsynchronized] {
            try StoreScript.check(disk.crashed(policy), after: session, goesOn: true)
        }
    }

    @Test(
        "opens a database whole after a close with a failed sync of a view",
        arguments: ["tree/digests", "tree/places"])
    func failedSyncAtClose(view: String) throws {
        for dropsCache in [true, false] {
            var options = SimulatedDisk.Options()
            options.dropsCacheAfterFailedSync = dropsCache
            let disk = SimulatedDisk(options: options)
            let session = StoreSession(disk)
            try session.open()
            try session.append([.values([1, 2, 3]), .mixed])
            let path = "\(StoreSession.path)/\(view)"
            disk.fail(.matching { $0.kind == .synchronize && $0.path == path }, error: EIO)
            session.close()
            #expect(session.log.all.contains { $0.contains("cannot sync \(path)") })
            for policy in [CrashPolicy.losingUnsynchronized, .keepingUnsynchronized] {
                try StoreScript.check(disk.crashed(policy), after: session, goesOn: true)
            }
        }
    }

    @Test("makes a view durable before its mark says so")
    func order() throws {
        var options = SimulatedDisk.Options()
        options.traceCapacity = 10_000
        let disk = SimulatedDisk(options: options)
        let session = StoreSession(disk)
        try session.open()
        let countAtOpen = disk.callCount
        try session.append([.values([1, 2, 3]), .mixed])
        session.close()
        for view in ["tree/digests", "tree/places"] {
            let calls = disk.calls.filter {
                $0.number > countAtOpen && $0.path == "\(StoreSession.path)/\(view)"
            }
            var isSynchronized = false
            var markCount = 0
            for call in calls {
                switch call.kind {
                case .write where call.offset == 0:
                    #expect(isSynchronized, "\(call)")
                    markCount += 1
                case .write: isSynchronized = false
                case .synchronize: isSynchronized = true
                default: break
                }
            }
            #expect(markCount > 0, "\(calls)")
        }
    }
}
