import ImmudbBackup
import ImmudbStore
import OwnThread
import SimulatedDisk
import StorageIO
import Synchronization
import Testing

@testable import ImmudbServer

extension LiveRestore {
    fileprivate func run() throws(StoreError) -> Outcome {
        let outcome = try prepare()
        try exchange(outcome)
        return outcome
    }
}

/// The database of a server, on a simulated disk, and restores into it.
private struct LiveFixture {
    static let options = ServerOptions(directory: "/data", databaseName: "immudb")

    let disk: SimulatedDisk
    let database: Database

    /// - Parameter recovers: whether to do first what a server does at its start.
    init(_ disk: SimulatedDisk = SimulatedDisk(), recovers: Bool = false) throws(StoreError) {
        self.disk = disk
        try disk.createDirectory("/data")
        try disk.createDirectory("/trash")
        if recovers { _ = try Self.stage(disk).recover() }
        database = try Database.open(
            at: Self.options.databasePath, options: BackupFixture.options(disk))
    }

    static func stage(_ disk: SimulatedDisk) -> RestoreStage {
        RestoreStage(options, fileSystem: disk) { path in
            // The simulated disk removes no folders.
            try? disk.rename(path, to: "/trash/\(UInt64.random(in: 0 ... .max))")
        }
    }

    /// Restores, in pieces of some bytes.
    func restore(
        _ backups: [[UInt8]], _ request: LiveRestore.Request = LiveRestore.Request(),
        pieceByteCount: Int = 1000,
        record: @escaping @Sendable (TrustedRoot) throws(StoreError) -> Void = { _ in }
    ) throws(StoreError) -> LiveRestore.Outcome {
        let intake = RestoreIntake(idleLimit: .milliseconds(20))
        var number: UInt64 = 0
        for (place, backup) in backups.enumerated() {
            for start in stride(from: 0, to: backup.count, by: pieceByteCount) {
                let end = min(start + pieceByteCount, backup.count)
                let isLast = end == backup.count
                intake.put(
                    RestoreIntake.Piece(
                        name: "backup \(place)", bytes: Array(backup[start..<end]),
                        endsBackup: isLast, endsRestore: isLast && place == backups.count - 1),
                    number: number
                ) { _ in }
                number += 1
            }
        }
        return try LiveRestore(
            request, of: database, in: Self.stage(disk), from: intake, record: record
        ).run()
    }

    /// The names beside the database that a restore has left.
    func leftovers() throws -> [String] {
        try disk.names(inDirectory: "/data").filter { $0.contains("immudb.") }.sorted()
    }
}

@Suite("A restore into an open database", .ownThread)
struct LiveRestoreTests {
    private func backups() async throws -> (chain: [[UInt8]], end: TrustedRoot) {
        let source = try BackupFixture()
        for number in 0..<20 { try await source.appendMixed("\(number)") }
        let first = source.database.snapshot.trustedRoot
        let full = try source.backup()
        for number in 20..<30 { try await source.appendMixed("\(number)") }
        let chain = [full, try source.backup(since: first)]
        let end = source.database.snapshot.trustedRoot
        try source.database.close()
        return (chain, end)
    }

    @Test("gives it the entries, the roots and both identities, for all who have it open")
    func whole() async throws {
        let (chain, end) = try await backups()
        let live = try LiveFixture()
        // What somebody has put aside by a similar name stays.
        for name in ["replaced", "restoring"] { try live.disk.createDirectory("/data/immudb.\(name)") }
        let before = live.database.snapshot
        let recorded = Mutex<[TrustedRoot]>([])
        let outcome = try live.restore(chain) { root in recorded.withLock { $0.append(root) } }
        #expect(outcome.tree == end && recorded.withLock { $0 } == [end])
        #expect(outcome.identifier?.bytes == Array(1...12))
        #expect(live.disk.bytes(of: "/data/immudb.identifier") == Array(1...12))
        #expect(
            try live.leftovers() == ["immudb.identifier", "immudb.replaced", "immudb.restoring"])
        #expect(live.database.snapshot.trustedRoot == end)
        let identity = try memoryReader(chain[0]).head.identity
        #expect(live.database.identity == identity)
        #expect(try live.database.snapshot.get(Array("other 3".utf8)) != nil)
        #expect(throws: StoreError.self) { try before.get(Array("other 3".utf8)) }
        // It goes on: with writes, on the threads of tasks, and with the next opening.
        let key = Array("new".utf8)
        try await live.database.set(key, [1])
        #expect(try await live.database.get(key)?.index == EntryIndex(end.size.rawValue))
        let last = live.database.snapshot.trustedRoot
        try live.database.snapshot.consistencyProof(from: end.size)
            .verify(from: end.root, to: last.root)
        try live.database.close()
        let again = try LiveFixture(live.disk, recovers: true)
        #expect(again.database.snapshot.trustedRoot == last)
        try again.database.close()
    }

    @Test("is refused where entries are, and takes none that are written meanwhile")
    func notEmpty() async throws {
        let (chain, end) = try await backups()
        let live = try LiveFixture()
        let late = Mutex<StoreError.Code?>(nil)
        _ = try live.restore(chain) { [database = live.database] _ in
            database.append([NewEntry(key: [65], value: [])]) { result in
                if case .failure(let error) = result { late.withLock { $0 = error.code } }
            }
        }
        #expect(late.withLock { $0 } == .notStored)
        #expect(live.database.snapshot.trustedRoot == end)
        // Now it has entries.
        #expect(try failure { _ = try live.restore(chain) }.code == .inUse)
        #expect(live.database.snapshot.trustedRoot == end)
        #expect(try live.leftovers() == ["immudb.identifier"])
        try live.database.close()
        let closed = try failure { _ = try live.restore(chain) }
        #expect(closed.code == .inUse || closed.code == .closed)
    }

    @Test("stays the server that it was, ends at a size, and goes through a known root, if asked")
    func requests() async throws {
        let (chain, end) = try await backups()
        let live = try LiveFixture()
        var request = LiveRestore.Request()
        request.known = TrustedRoot(size: end.size, root: .emptyTree)
        #expect(try failure { _ = try live.restore(chain, request) }.code == .otherHistory)
        request.known = end
        request.until = TreeSize(6)
        request.keepsIdentity = false
        let identity = try memoryReader(chain[0]).head.identity
        let outcome = try live.restore(chain, request)
        #expect(outcome.tree.size == TreeSize(6) && outcome.identifier == nil)
        #expect(live.database.identity != identity)
        #expect(live.database.snapshot.trustedRoot == outcome.tree)
        #expect(try live.leftovers().isEmpty)
        try live.database.close()
    }

    @Test("leaves an empty database as it was if anything is wrong with the backups")
    func damaged() async throws {
        let (chain, end) = try await backups()
        let live = try LiveFixture()
        var flipped = chain
        flipped[1][flipped[1].count / 2] ^= 1
        #expect(try failure { _ = try live.restore(flipped) }.code == .corruption)
        #expect(try failure { _ = try live.restore([chain[1]]) }.code == .otherHistory)
        // Cut in the middle, with and without an end.
        let cut = Array(chain[0].prefix(chain[0].count / 2))
        #expect(try failure { _ = try live.restore([cut]) }.code == .corruption)
        let intake = RestoreIntake(idleLimit: .milliseconds(20))
        intake.put(
            .init(name: "a", bytes: cut, endsBackup: false, endsRestore: false), number: 0
        ) { _ in }
        let silent = try failure {
            _ = try LiveRestore(
                .init(), of: live.database, in: LiveFixture.stage(live.disk), from: intake
            ) { _ in }.run()
        }
        #expect(silent.code == .cancelled && silent.message.contains("no piece"))
        var small = LiveRestore.Request()
        small.entryByteLimit = 1 << 20
        let large = try BackupFixture()
        try await large.database.set([65], Array(repeating: 1, count: (1 << 20) + 100))
        let error = try failure { _ = try live.restore([try large.backup()], small) }
        #expect(error.code == .tooLarge, "\(error)")
        try large.database.close()
        #expect(try live.leftovers().isEmpty)
        #expect(live.database.snapshot.trustedRoot == .empty)
        // It was empty all the time, and is usable.
        #expect(try live.restore(chain).tree == end)
        try live.database.close()
    }

    @Test("leaves the rest of the disk to the server")
    func space() async throws {
        let (chain, _) = try await backups()
        let live = try LiveFixture()
        live.disk.limits.byteCount = 60 << 20
        #expect(try failure { _ = try live.restore(chain) }.code == .noSpace)
        live.disk.limits.byteCount = nil
        #expect(try live.leftovers().isEmpty)
        try live.database.close()
    }

    @Test("is not put in place when its caller has gone")
    func cancelled() async throws {
        let (chain, _) = try await backups()
        let live = try LiveFixture()
        let intake = RestoreIntake(idleLimit: .seconds(60))
        let restore = LiveRestore(
            .init(), of: live.database, in: LiveFixture.stage(live.disk), from: intake
        ) { _ in Issue.record("it is recorded") }
        intake.put(
            .init(name: "a", bytes: chain[0], endsBackup: true, endsRestore: true), number: 0
        ) { _ in }
        restore.cancel(because: "nobody waits")
        #expect(try failure { _ = try restore.run() }.code == .cancelled)
        #expect(try live.leftovers().isEmpty)
        try await live.database.set([65], [1])
        try live.database.close()
    }
}

@Suite("A restore into an open database on a failing disk", .serialized, .ownThread)
struct LiveRestoreFaultTests {
    private func backup() async throws -> (bytes: [UInt8], end: TrustedRoot) {
        let source = try BackupFixture()
        for number in 0..<3 { try await source.appendMixed("\(number)") }
        defer { try? source.database.close() }
        return (try source.backup(), source.database.snapshot.trustedRoot)
    }

    /// Starts a server's database again, and expects nothing or everything.
    ///
    /// - Returns: whether it is everything.
    private static func check(
        _ disk: SimulatedDisk, _ end: TrustedRoot, _ what: String
    ) throws -> Bool {
        let live = try LiveFixture(disk, recovers: true)
        let found = live.database.snapshot.trustedRoot
        #expect(found == .empty || found == end, "\(what)")
        #expect(
            try live.leftovers().allSatisfy { $0.hasPrefix("immudb.identifier") }, "\(what)")
        if found == end {
            #expect(disk.bytes(of: "/data/immudb.identifier") == Array(1...12), "\(what)")
        }
        try live.database.close()
        return found == end
    }

    @Test("it holds all or nothing after a power failure at any call")
    func crashes() async throws {
        let (bytes, end) = try await backup()
        let clean = try LiveFixture()
        let first = clean.disk.callCount
        _ = try clean.restore([bytes])
        let last = clean.disk.callCount
        try clean.database.close()
        // The rename that counts comes after all that is derived, near the end.
        let step = max(1, (last - first) / 60)
        var outcomes = (empty: 0, whole: 0)
        for number in first...last where number % step == 0 || number > last - 60 {
            for policy in [
                .losingUnsynchronized, .keepingUnsynchronized, .keepingSome(seed: UInt64(number)),
            ] as [CrashPolicy] {
                let live = try LiveFixture(SimulatedDisk(seed: UInt64(number)))
                live.disk.stop(afterCall: number)
                _ = Result { () throws(StoreError) in try live.restore([bytes]) }
                let next = live.disk.crashed(policy)
                try? live.database.close()
                if try Self.check(next, end, "call \(number), \(policy)") {
                    outcomes.whole += 1
                } else {
                    outcomes.empty += 1
                }
            }
        }
        #expect(outcomes.empty > 0 && outcomes.whole > 0, "\(outcomes)")
    }

    @Test("it holds all or nothing whichever call fails, and says which")
    func calls() async throws {
        let (bytes, end) = try await backup()
        var options = SimulatedDisk.Options()
        options.traceCapacity = 20_000
        let clean = try LiveFixture(SimulatedDisk(options: options))
        let first = clean.disk.callCount
        _ = try clean.restore([bytes])
        let calls = clean.disk.calls.filter { $0.number > first }
        try clean.database.close()
        let step = max(1, calls.count / 80)
        var outcomes = (failed: 0, whole: 0)
        for call in calls where call.number % step == 0 || call.kind == .rename {
            let error = call.kind.possibleErrors[call.number % call.kind.possibleErrors.count]
            let live = try LiveFixture(SimulatedDisk(seed: UInt64(call.number)))
            live.disk.fail(.call(call.number), error: error)
            let result = Result { () throws(StoreError) in try live.restore([bytes]) }
            live.disk.heal()
            let what = "\(call), \(result)"
            switch result {
            case .success(let outcome):
                outcomes.whole += 1
                #expect(outcome.tree == end && live.database.snapshot.trustedRoot == end, "\(what)")
                try? live.database.close()
                #expect(try Self.check(live.disk, end, what))
            case .failure(let failure):
                outcomes.failed += 1
                if failure.code != .outcomeUnknown {
                    #expect(try !LiveFixture.stage(live.disk).isCommitted, "\(what)")
                    #expect(live.database.snapshot.size.isEmpty, "\(what)")
                    // As before: the next attempt succeeds.
                    #expect(
                        try live.restore([bytes]).tree == end, "\(what), second attempt")
                }
                try? live.database.close()
                #expect(try Self.check(live.disk, end, what))
            }
        }
        #expect(outcomes.failed > 20 && outcomes.whole > 0, "\(outcomes)")
    }
}
