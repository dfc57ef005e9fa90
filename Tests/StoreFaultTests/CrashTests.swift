import ImmudbStore
import OwnThread
import SimulatedDisk
import StorageIO
import Testing

/// The whole database on a disk that stops after each of its calls.
@Suite(.serialized, .ownThread)
struct CrashTests {
    @Test("opens every image of a crash with all acknowledged entries, whatever call was the last")
    func crashAtEveryCall() async throws {
        try await crash(.always, "crashes, always", aiming: 60)
    }

    @Test(
        "keeps a prefix after a power failure under weaker durability, and all after a kill",
        arguments: [Durability.interval(milliseconds: 2), .never])
    func crashUnderWeakerDurability(durability: Durability) async throws {
        try await crash(durability, "crashes, \(durability)", aiming: 25)
    }

    private func crash(_ durability: Durability, _ title: String, aiming count: Int) async throws {
        let outcomes = Outcomes()
        let whole = SimulatedDisk()
        try StoreScript.run(StoreSession(whole, durability))
        outcomes.count("calls of the whole script", whole.callCount)
        // RocksDB's threads make the number of calls differ a little between runs.
        try await onThreads(sample(Array(1...whole.callCount), aiming: count)) { number in
            outcomes.count("crash points")
            let disk = SimulatedDisk(seed: UInt64(number))
            disk.stop(afterCall: number)
            let session = StoreSession(disk, durability)
            outcomes.check("while running", "stopped after \(number)\n\(session.context)") {
                try StoreScript.run(session)
            }
            let loss = durability == .always ? StoreModel.Loss.none : .tail
            for (place, policy) in Self.policies(disk, number).enumerated() {
                outcomes.count("images")
                outcomes.check("\(policy)".prefix(12) + "…", "\(number), \(policy)") {
                    try StoreScript.check(
                        disk.crashed(policy), after: session, losing: loss,
                        goesOn: (place + number) % 4 == 0)
                }
            }
            outcomes.count("images")
            outcomes.check("killed", "\(number)") {
                try StoreScript.check(disk.killed(), after: session, goesOn: number % 4 == 0)
            }
            session.abandon()
        }
        outcomes.report(title)
    }

    private static func policies(_ disk: SimulatedDisk, _ number: Int) -> [CrashPolicy] {
        var policies: [CrashPolicy] = [.losingUnsynchronized]
        policies += (0..<3).map { .keepingSome(seed: UInt64(number * 3 + $0)) }
        guard let last = disk.lastUnsynchronizedWrite else { return policies }
        let cuts = Array(stride(from: 512 - last.offset % 512, to: last.byteCount, by: 512))
        // A long write is torn at its beginning and at its end.
        for cut in cuts.count <= 4 ? cuts : Array(cuts.prefix(2) + cuts.suffix(2)) {
            policies.append(.tearingLastWrite(byteCount: cut))
            policies.append(.tearingLastWrite(byteCount: cut, keepingRest: false))
        }
        return policies
    }
}
