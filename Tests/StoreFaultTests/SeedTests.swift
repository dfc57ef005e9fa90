import ImmudbStore
import OwnThread
import SimulatedDisk
import StorageIO
import TestTools
import Testing

/// Random courses with faults, shortages and crashes, by seed.
///
/// `IMMUDB_SEEDS` is the number of seeds, `IMMUDB_FIRST_SEED` the first one; `IMMUDB_SEED` repeats
/// one.
@Suite(.serialized, .ownThread)
struct SeedTests {
    @Test("keeps every promise in random courses through failures and crashes")
    func seeds() async throws {
        let outcomes = Outcomes()
        let first = Settings.onlySeed ?? Settings.firstSeed ?? 1
        let count = Settings.onlySeed == nil ? Settings.seedCount ?? 60 : 1
        try await onThreads(Array(first..<first + count)) { seed in
            outcomes.count("seeds")
            let course = RandomCourse(seed: UInt64(seed))
            outcomes.check("seed", "IMMUDB_SEED=\(seed) repeats it\n\(course.context)") {
                try course.run(outcomes)
            }
        }
        outcomes.report("seeds from \(first) on")
    }
}

/// One course: the events in a database's life, drawn from a seed.
///
/// The database's threads take their own time, so a seed repeats a course only approximately.
private final class RandomCourse {
    private var random: SplitMix64
    private let session: StoreSession
    private var isDisturbed = false {
        didSet { session.waitsForIndex = !isDisturbed }
    }
    private let usesLimits: Bool
    private let usesFaults: Bool
    private let usesCrashes: Bool
    private var steps: [String] = []

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
        var options = SimulatedDisk.Options()
        options.dropsCacheAfterFailedSync = random.chance(1, of: 2)
        let durability: Durability =
            switch random.next(below: 5) {
            case 0: .interval(milliseconds: random.next(below: 4))
            case 1: .never
            default: .always
            }
        // An event in every course could hide what other courses would find, so each seed leaves
        // some out.
        usesLimits = random.chance(1, of: 2)
        usesFaults = random.chance(2, of: 3)
        usesCrashes = random.chance(2, of: 3)
        session = StoreSession(
            SimulatedDisk(seed: seed, options: options), durability, seed: seed)
    }

    var context: String { "steps: \(steps.joined(separator: "; "))\n\(session.context)" }

    private var tailLoss: StoreModel.Loss { session.durability == .always ? .none : .tail }

    func run(_ outcomes: Outcomes) throws {
        try session.open()
        for _ in 0..<(6 + random.next(below: 14)) { try step(outcomes) }
        calm()
        try session.reopen()
        guard try session.append(.mixed) else {
            throw BrokenPromise("a healed and reopened database takes no writes")
        }
        session.close()
        session.crash(.losingUnsynchronized)
        try session.open()
        outcomes.count("entries", session.model.found.count)
    }

    private func step(_ outcomes: Outcomes) throws {
        if session.database == nil { try reopen(outcomes) }
        switch random.next(below: 20) {
        case 0..<8:
            note("append")
            let isStored = try session.append((0...random.next(below: 3)).map { _ in shape() })
            outcomes.count("batches stored", isStored.filter { $0 }.count)
            outcomes.count("batches refused", isStored.filter { !$0 }.count)
            if session.database?.health.isWritable == false { try reopen(outcomes) }
        case 8, 9: try reopen(outcomes)
        case 10: try session.look()
        case 11:
            let names = [["index"], ["tree"], ["tree/digests"], ["index", "tree/places"]]
            guard let lost = names.randomElement(using: &random) else { return }
            note("lose \(lost)")
            do { try session.remove(lost) } catch is StoreError {}
        case 12..<15 where usesCrashes: try crash(outcomes)
        case 12..<18 where usesFaults: disturb()
        case 15..<19 where usesLimits: limit()
        default:
            note("calm")
            calm()
        }
    }

    private func shape() -> EntryMaker.Shape {
        if random.chance(1, of: 3) { return .mixed }
        let longest = random.chance(1, of: 8) ? 5000 : 300
        return .values((0...random.next(below: 3)).map { _ in random.next(below: longest) })
    }

    private func reopen(_ outcomes: Outcomes) throws {
        note("reopen")
        session.close()
        do {
            try session.open(losing: session.lossAtReopening)
        } catch let error as StoreError {
            guard isDisturbed else { throw error }
            outcomes.count("openings refused")
        }
    }

    private func crash(_ outcomes: Outcomes) throws {
        outcomes.count("crashes")
        // Often in the middle of an append.
        if random.chance(2, of: 3) {
            session.disk.stop(afterCall: session.disk.callCount + random.next(below: 12))
            try session.append([shape(), shape()])
        }
        let policy: CrashPolicy? =
            switch random.next(below: 6) {
            case 0: nil
            case 1: .losingUnsynchronized
            case 2: .keepingUnsynchronized
            case 3: .tearingLastWrite(byteCount: random.next(below: 8) * 512)
            default: .keepingSome(seed: random.next())
            }
        note("crash \(policy.map { "\($0)" } ?? "by a kill")")
        let loss = policy == nil ? session.lossAtReopening : tailLoss
        session.crash(policy)
        isDisturbed = session.disk.limits != DiskLimits()
        session.lossAtReopening = loss
        try reopen(outcomes)
        if !isDisturbed { session.lossAtReopening = .none }
    }

    private func disturb() {
        guard let kind = CallKind.allCases.randomElement(using: &random),
            let error = kind.possibleErrors.randomElement(using: &random)
        else { return }
        let times: Int? = [1, 1, 3, nil][random.next(below: 4)]
        let place: DiskFault.Place =
            random.chance(1, of: 2)
            ? .call(session.disk.callCount + 1 + random.next(below: 30))
            : .kind(kind, number: session.disk.callCount(of: kind) + 1 + random.next(below: 5))
        note("fail \(place) with \(error), \(times ?? 0) times")
        session.disk.fail(place, error: error, times: times)
        isDisturbed = true
        session.lossAtReopening = tailLoss
    }

    private func limit() {
        var limits = DiskLimits()
        switch random.next(below: 3) {
        case 0: limits.byteCount = UInt64(4 + random.next(below: 24)) << 20
        case 1: limits.fileCount = 8 + random.next(below: 40)
        default: limits.descriptorCount = session.disk.openFileCount + random.next(below: 6)
        }
        note("limit \(limits)")
        session.disk.limits = limits
        isDisturbed = true
        session.lossAtReopening = tailLoss
    }

    private func calm() {
        session.disk.heal()
        session.disk.limits = DiskLimits()
        isDisturbed = false
    }

    private func note(_ step: String) { steps.append(step) }
}
