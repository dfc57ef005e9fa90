import Ledger
import OwnThread
import SimulatedDisk
import StorageIO
import TestTools
import Testing

/// The ledger on a disk that stops after each of its calls, and on one where each call fails.
@Suite(.ownThread)
struct CrashPointTests {
    @Test("recovers every acknowledged entry from each image, whichever call was the last")
    func crashAtEveryCall() throws {
        var failures = Failures()
        for number in 1...(try Self.calls().count) {
            let disk = SimulatedDisk(seed: UInt64(number))
            disk.stop(afterCall: number)
            let workload = LedgerWorkload(disk)
            // The last call may be the last of the script.
            do { try workload.run() } catch is StoreError {}
            for policy in Self.policies(disk, seeds: 0..<8) {
                failures.check("\(policy)", disk) {
                    try LedgerWorkload.check(disk.crashed(policy), against: workload.model)
                }
            }
            failures.check("killed", disk) {
                try LedgerWorkload.check(disk.killed(), against: workload.model)
            }
        }
        failures.record()
    }

    @Test("keeps its promises when each call fails once with each possible error")
    func failEveryCall() throws {
        var failures = Failures()
        for call in try Self.calls() {
            for error in call.kind.possibleErrors {
                for dropsCache in [false, true] {
                    try fail(call, error, times: 1, dropsCache: dropsCache, &failures)
                }
            }
        }
        failures.record()
    }

    @Test("keeps its promises when several calls in a row fail, and then the power")
    func failSeveralCalls() throws {
        var failures = Failures()
        for call in try Self.calls() {
            for error in call.kind.possibleErrors.prefix(2) {
                try fail(call, error, times: 3, dropsCache: false, &failures)
            }
        }
        failures.record()
    }

    @Test("keeps its promises when a call fails, and the power soon after")
    func failThenCrash() throws {
        var failures = Failures()
        for call in try Self.calls() where call.kind != .read {
            var random = SplitMix64(seed: UInt64(call.number))
            for error in call.kind.possibleErrors {
                for distance in [1, 3, 6, 6 + random.next(below: 20)] {
                    let disk = SimulatedDisk(seed: random.next(), options: Self.longTrace)
                    disk.fail(.call(call.number), error: error)
                    disk.stop(afterCall: call.number + distance)
                    let workload = LedgerWorkload(disk)
                    failures.check("while running", disk) {
                        do { try workload.runThroughErrors() } catch is StoreError {}
                    }
                    for policy in Self.policies(disk, seeds: 0..<2).prefix(5) {
                        failures.check("\(policy)", disk) {
                            try LedgerWorkload.check(disk.crashed(policy), against: workload.model)
                        }
                    }
                }
            }
        }
        failures.record()
    }

    private func fail(
        _ call: DiskCall, _ error: Int32, times: Int, dropsCache: Bool, _ failures: inout Failures
    ) throws {
        var options = Self.longTrace
        options.dropsCacheAfterFailedSync = dropsCache
        let disk = SimulatedDisk(seed: UInt64(call.number), options: options)
        disk.fail(.call(call.number), error: error, times: times)
        let workload = LedgerWorkload(disk)
        failures.check("while running", disk) {
            do { try workload.runThroughErrors() } catch let error as StoreError {
                // The ledger may fail to open after several failures in a row, but not after one.
                if times == 1 { throw error }
            }
        }
        disk.heal()
        for policy in Self.policies(disk, seeds: 0..<2) {
            failures.check("\(policy)", disk) {
                try LedgerWorkload.check(disk.crashed(policy), against: workload.model)
            }
        }
        failures.check("killed", disk) {
            try LedgerWorkload.check(disk.killed(), against: workload.model)
        }
    }

    private static let longTrace: SimulatedDisk.Options = {
        var options = SimulatedDisk.Options()
        options.traceCapacity = 1000
        return options
    }()

    /// Returns the calls of the whole script when nothing fails.
    private static func calls() throws -> [DiskCall] {
        let disk = SimulatedDisk(options: longTrace)
        try LedgerWorkload(disk).run()
        return disk.calls
    }

    private static func policies(_ disk: SimulatedDisk, seeds: Range<UInt64>) -> [CrashPolicy] {
        var policies: [CrashPolicy] = [.losingUnsynchronized, .keepingUnsynchronized]
        policies += seeds.map { .keepingSome(seed: $0) }
        if let last = disk.lastUnsynchronizedWrite {
            var random = SplitMix64(seed: UInt64(last.callNumber))
            var cuts = Array(stride(from: 512 - last.offset % 512, to: last.byteCount, by: 512))
            cuts += (0..<3).map { _ in random.next(below: last.byteCount + 1) }
            for cut in cuts {
                policies.append(.tearingLastWrite(byteCount: cut))
                policies.append(.tearingLastWrite(byteCount: cut, keepingRest: false))
            }
        }
        return policies
    }
}

/// Collects failures, one line for each kind, so that one bug does not give a thousand reports.
private struct Failures {
    private var kinds: [String: (count: Int, example: String)] = [:]

    mutating func check(_ image: String, _ disk: SimulatedDisk, _ body: () throws -> Void) {
        do {
            try body()
        } catch {
            let failed = disk.calls.first { $0.failure != nil }
            let cause = failed.map { "after a failed \($0.kind.rawValue)" } ?? "after a stop"
            // Numbers differ from case to case.
            let kind = "\(cause): " + "\(error)".filter { !$0.isNumber }
            let example = "\(image): \(error)\n\(failed.map { "failed: \($0)\n" } ?? "")\(disk)"
            kinds[kind, default: (0, example)].count += 1
        }
    }

    func record() {
        for (kind, found) in kinds.sorted(by: { $0.key < $1.key }) {
            Issue.record("\(found.count) times \(kind)\nfor example \(found.example)")
        }
    }
}
