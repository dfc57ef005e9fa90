import ImmudbStore
import OwnThread
import SimulatedDisk
import StorageIO
import Testing

/// The whole database on a disk where each call fails, once or from then on.
@Suite(.serialized, .ownThread)
struct FaultTests {
    @Test(
        "loses nothing by one failed call, and stops writing only if it was the ledger's"
    )
    func failEveryCallOnce() async throws {
        let outcomes = Outcomes()
        let cases = try Self.cases()
        outcomes.count("failing calls and errors in all", cases.count)
        try await onThreads(sample(cases, aiming: 110)) { call, error in
            let disk = Self.disk(call)
            disk.fail(.call(call.number), error: error)
            let session = StoreSession(disk)
            func context() -> String { "\(error) at \(call)\n\(session.context)" }
            outcomes.check("fails once, \(call.kind)", context()) {
                let course = try StoreScript.runThroughErrors(session, tries: 3)
                // The calls of RocksDB's threads have another order each time.
                let failed = disk.calls.first { $0.failure == error } ?? call
                let isOfLedger =
                    failed.path.contains("/ledger/")
                    && [.write, .synchronize, .synchronizeData].contains(failed.kind)
                    || failed.path.hasSuffix("/ledger") && failed.kind == .synchronizeDirectory
                outcomes.count("failed once")
                if session.hasStopped { outcomes.count("stopped writing until reopened") }
                if course.mostOpeningTries > 1 { outcomes.count("opened at the second try") }
                if course.mostWriteTries > 1 { outcomes.count("refused a write") }
                guard !course.isUnfinished else {
                    throw BrokenPromise("three tries do not suffice after \(failed)")
                }
                guard !session.hasStopped || isOfLedger else {
                    throw BrokenPromise("writes stopped after \(failed)")
                }
            }
            Self.check(disk, session, outcomes, "fails once, \(call.kind)", context())
        }
        outcomes.report("failing once")
    }

    @Test("loses nothing on a disk that fails from some call on, and works once it is healed")
    func failFromEveryCallOn() async throws {
        let outcomes = Outcomes()
        let cases = try Self.cases()
        outcomes.count("failing calls and errors in all", cases.count)
        try await onThreads(sample(cases, aiming: 60)) { call, error in
            let disk = Self.disk(call)
            disk.fail(.call(call.number), error: error, times: nil)
            let session = StoreSession(disk)
            session.waitsForIndex = false
            func context() -> String { "\(error) from \(call) on\n\(session.context)" }
            outcomes.check("fails from there on, \(call.kind)", context()) {
                let course = try StoreScript.runThroughErrors(session, tries: 1)
                outcomes.count("failed from there on")
                if session.hasStopped { outcomes.count("stopped writing") }
                if course.isUnfinished { outcomes.count("did not finish") }
                disk.heal()
                session.waitsForIndex = true
                try session.reopen()
                guard try session.append(.mixed) else {
                    throw BrokenPromise("a healed disk takes no writes after a reopening")
                }
                session.close()
            }
            Self.check(disk, session, outcomes, "fails from there on, \(call.kind)", context())
        }
        outcomes.report("failing from there on")
    }

    private static func check(
        _ disk: SimulatedDisk, _ session: StoreSession, _ outcomes: Outcomes, _ kind: String,
        _ context: @autoclosure () -> String
    ) {
        disk.heal()
        let policies: [CrashPolicy] = [
            .losingUnsynchronized, .keepingSome(seed: UInt64(disk.callCount)),
        ]
        for policy in policies {
            outcomes.check("\(kind), then the power", context()) {
                try StoreScript.check(
                    disk.crashed(policy), after: session, goesOn: disk.callCount % 4 == 0)
            }
        }
    }

    private static func disk(_ call: DiskCall) -> SimulatedDisk {
        var options = SimulatedDisk.Options()
        options.traceCapacity = 5000
        options.dropsCacheAfterFailedSync = call.number % 2 == 0
        return SimulatedDisk(seed: UInt64(call.number), options: options)
    }

    /// Returns each call of the whole script with each error that it can have.
    private static func cases() throws -> [(DiskCall, Int32)] {
        var options = SimulatedDisk.Options()
        options.traceCapacity = 100_000
        let disk = SimulatedDisk(options: options)
        try StoreScript.run(StoreSession(disk))
        return disk.calls.flatMap { call in call.kind.possibleErrors.map { (call, $0) } }
    }
}
