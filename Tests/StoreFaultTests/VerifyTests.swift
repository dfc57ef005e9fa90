import Foundation
import HexEditor
import MerkleTree
import OwnThread
import SimulatedDisk
import StorageIO
import Synchronization
import Testing

@testable import ImmudbStore

/// The check of a database's files: what it finds, what it calls it, and that it changes nothing.
@Suite(.serialized, .ownThread)
struct VerifyTests {
    /// Checks a copy of a disk, and that no byte of it was changed.
    @discardableResult
    static func verify(
        _ disk: SimulatedDisk, _ change: (inout VerificationOptions) -> Void = { _ in }
    ) throws -> VerificationReport {
        var options = VerificationOptions()
        options.fileSystem = disk
        change(&options)
        let before = contents(disk)
        defer { #expect(contents(disk) == before, "the check changed a file") }
        return try Database.verify(at: StoreSession.path, options: options)
    }

    private static func contents(_ disk: SimulatedDisk) -> [String: [UInt8]] {
        Dictionary(
            uniqueKeysWithValues: disk.files.filter { !$0.path.hasSuffix("/LOCK") }
                .map { ($0.path, disk.bytes(of: $0.path) ?? []) })
    }

    static func root(of small: SmallDatabase) -> Digest {
        var tree = MerkleAccumulator()
        for entry in small.entries { tree.append(entry.leaf) }
        return tree.root
    }

    @Test("finds nothing wrong with a closed database, and names its size and root")
    func whole() throws {
        let small = try SmallDatabase()
        let report = try Self.verify(small.disk)
        #expect(report.isWhole && report.problems.isEmpty && report.notes.isEmpty)
        #expect(report.size.rawValue == UInt64(small.entries.count))
        #expect(report.root == Self.root(of: small))
        #expect(report.byteCount > 10_000)
    }

    @Test("finds nothing wrong with what a crash leaves, and says what the next start does")
    func afterCrash() throws {
        for policy in [nil, CrashPolicy.losingUnsynchronized, .keepingUnsynchronized] {
            let session = StoreSession(SimulatedDisk(seed: 5))
            try session.open()
            for step in 0..<6 { try session.append([.mixed, .values([step * 50])]) }
            let size = try #require(session.database?.snapshot.size)
            let disk = policy.map(session.disk.crashed) ?? session.disk.killed()
            let report = try Self.verify(disk)
            #expect(report.isWhole, "\(String(describing: policy)): \(report.problems)")
            #expect(report.size == size)
            #expect(report.notes.contains { $0.contains("the next start adds them") })
            session.abandon()
        }
    }

    @Test("says that a torn tail is one, and calls it no damage")
    func tornTail() throws {
        let session = StoreSession(SimulatedDisk(seed: 6))
        try session.open()
        for _ in 0..<3 { try session.append(.mixed) }
        let disk = session.disk.killed()
        session.abandon()
        let editor = HexEditor(disk)
        let end = try #require(try editor.frames().last).range.upperBound
        try editor.edit(editor.segmentPath(0)) { $0[end + 10] = 7 }
        let report = try Self.verify(disk)
        #expect(report.isWhole)
        #expect(report.notes.contains { $0.contains("byte \(end): the torn end") })
    }

    @Test("refuses a folder in use, one without a database, and one that does not exist")
    func refused() throws {
        let small = try SmallDatabase()
        let lock = try small.disk.lock("\(StoreSession.path)/LOCK")
        #expect(throws: StoreError(.inUse, "")) { try Self.verify(small.disk) }
        withExtendedLifetime(lock) {}
        var options = VerificationOptions()
        options.fileSystem = small.disk
        for path in ["/", "/none"] {
            #expect(throws: StoreError(.io, "")) {
                try Database.verify(at: path, options: options)
            }
        }
        #expect(small.disk.bytes(of: "/LOCK") == nil)
    }

    @Test(
        "checks a folder on a medium that takes no writes, and says that nothing keeps a server out"
    )
    func readOnly() throws {
        let small = try SmallDatabase()
        let disk = small.disk.copy()
        disk.fail(.matching { $0.kind == .lock }, error: 30, times: nil)
        let report = try Self.verify(disk)
        #expect(report.isWhole)
        #expect(report.notes.contains { $0.contains("nothing keeps a server out") })
    }

    @Test(
        "says what it cannot compare where the views are missing, such as whether the end was cut")
    func missingViews() throws {
        for (folders, isFound) in [(["ledger"], false), (["ledger", "index"], true)] {
            let small = try SmallDatabase()
            let disk = SimulatedDisk()
            for folder in folders { try disk.createDirectory("\(StoreSession.path)/\(folder)") }
            for (file, _) in small.disk.files {
                let isKept = folders.contains { file.hasPrefix("\(StoreSession.path)/\($0)/") }
                if isKept { disk.replace(file, with: small.disk.bytes(of: file) ?? []) }
            }
            let editor = HexEditor(disk)
            let last = try #require(try editor.frames().last { $0.count > 0 })
            try editor.edit(editor.segmentPath(last.segment)) {
                $0.removeSubrange(last.range.lowerBound...)
            }
            let report = try Self.verify(editor.disk)
            #expect(report.isWhole != isFound, "\(report.problems)")
            let note = try #require(
                report.notes.first { $0.contains("not there, as after a restore") })
            let unknown =
                isFound ? "which entries the ledger had" : "how many entries the ledger had"
            #expect(note.contains(unknown) && note.contains("--root"))
            let root = TrustedRoot(
                size: TreeSize(UInt64(small.entries.count)), root: Self.root(of: small))
            let compared = try Self.verify(editor.disk) { $0.expectedRoot = root }
            #expect(compared.problems.contains { $0.kind == .rolledBack })
        }
    }

    @Test(
        "goes on from the state after each segment, in another process, too, with the same result")
    func resume() throws {
        let small = try SmallDatabase(stepCount: 16)
        let disk = small.disk.copy()
        let editor = HexEditor(disk)
        try editor.changeValue(of: 3)
        let states = Mutex<[VerificationState]>([])
        let expected = TrustedRoot(size: TreeSize(7), root: .emptyTree)
        let whole = try Self.verify(disk) {
            $0.expectedRoot = expected
            $0.onState = { state in states.withLock { $0.append(state) } }
        }
        let found = states.withLock { $0 }
        #expect(try found.count == editor.segmentCount - 1 && found.count >= 2)
        #expect(Set(whole.problems.map(\.kind)) == [.checksum, .otherHistory])
        for state in found {
            let read = try JSONDecoder().decode(
                VerificationState.self, from: try JSONEncoder().encode(state))
            let rest = try Self.verify(disk) {
                $0.expectedRoot = expected
                $0.resumed = read
            }
            #expect(rest.problems == whole.problems)
            #expect(rest.size == whole.size && rest.root == whole.root)
            #expect(rest.notes.contains { $0.contains("were checked earlier") })
            // Not with another question, nor with another database.
            let other = try Self.verify(disk) { $0.resumed = read }
            #expect(other.notes.contains { $0.contains("does not fit") })
        }
    }

    @Test("keeps to a rate")
    func rate() throws {
        let small = try SmallDatabase()
        let slept = Mutex(Duration.zero)
        let report = try Self.verify(small.disk) {
            $0.bytesPerSecond = 1 << 40
            $0.sleep = { duration in slept.withLock { $0 += duration } }
        }
        #expect(slept.withLock { $0 } < .seconds(1))
        slept.withLock { $0 = .zero }
        _ = try Self.verify(small.disk) {
            $0.bytesPerSecond = 1 << 14
            $0.sleep = { duration in slept.withLock { $0 += duration } }
        }
        let seconds = slept.withLock { $0 } / .seconds(1)
        let expected = Double(report.byteCount) / Double(1 << 14)
        #expect(seconds > expected / 2, "\(seconds) of \(expected) s")
    }

    @Test("ends when it is cancelled")
    func cancelled() throws {
        let small = try SmallDatabase()
        let cancellation = Cancellation()
        #expect(throws: StoreError(.cancelled, "")) {
            try Self.verify(small.disk) {
                $0.cancellation = cancellation
                $0.progress = { done, _ in if done > 5000 { cancellation.cancel() } }
            }
        }
    }

    @Test(
        "names bytes that the disk cannot read, checks the rest, and ends on a disk that reads nothing"
    )
    func unreadable() throws {
        let small = try SmallDatabase()
        let disk = small.disk.killed()
        let segment = "\(StoreSession.path)/ledger/0000000000.segment"
        disk.fail(
            .matching { call in
                guard call.kind == .read, call.path == segment, let offset = call.offset,
                    let count = call.byteCount
                else { return false }
                return offset < 200 && Int(offset) + count > 128
            }, error: 5, times: nil)
        let report = try Self.verify(disk)
        #expect(report.problems.contains { $0.kind == .unreadable && $0.offset == 128 })
        // What cannot be read reads as zeros.
        #expect(report.problems.contains { $0.kind == .missing && $0.firstEntry == 0 })
        #expect(report.size.rawValue == UInt64(small.entries.count))
        #expect(!report.problems.contains { $0.kind == .digest })

        disk.heal()
        disk.fail(.matching { $0.kind == .read || $0.kind == .byteCount }, error: 5, times: nil)
        #expect(throws: StoreError(.io, "")) { try Self.verify(disk) }
    }

    @Test("survives each failing call: with the whole result, or with the system's error")
    func failingCalls() async throws {
        let small = try SmallDatabase()
        let start = small.disk.callCount
        try Self.verify(small.disk)
        let calls = small.disk.callCount - start
        #expect(calls > 40)
        let outcomes = Outcomes()
        let original = small.disk.copy()
        let size = small.entries.count
        try await onThreads(sample(Array(1...calls), aiming: 400)) { number in
            for error: Int32 in [5, 24, 13] {
                let disk = original.killed()
                disk.fail(.call(disk.callCount + number), error: error)
                outcomes.check("call \(number)", "error \(error)\n\(disk)") {
                    var options = VerificationOptions()
                    options.fileSystem = disk
                    do {
                        let report = try Database.verify(at: StoreSession.path, options: options)
                        guard report.isWhole, report.size.rawValue == UInt64(size) else {
                            throw BrokenPromise("\(report.problems)")
                        }
                        outcomes.count("whole")
                    } catch let failure as StoreError {
                        let codes: [StoreError.Code] = [.io, .noDescriptors, .permissionDenied]
                        guard codes.contains(failure.code) else { throw failure }
                        outcomes.count("\(failure.code)")
                    }
                }
            }
        }
        outcomes.report("failing calls of a check")
    }
}
