import Foundation
import FuzzTargets
import OwnThread
import SimulatedDisk
import TestTools
import Testing

/// Replays the fuzzers' findings and seeds, and for some seconds random changes of both. Every
/// input is accepted or refused, and breaks no promise.
///
/// IMMUDB_FUZZ_SECONDS is the time for random changes of each target, IMMUDB_FUZZ_SEED the first seed.
@Suite("Fuzz targets", .serialized, .ownThread)
struct FuzzReplayTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Fuzz")

    private static func inputs(_ kind: String, _ target: FuzzTarget) -> [(String, [UInt8])] {
        let folder = folder.appending(path: kind).appending(path: target.name)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.sorted().compactMap { name in
            (try? Data(contentsOf: folder.appending(path: name))).map {
                ("\(kind)/\(name)", [UInt8]($0))
            }
        }
    }

    private static func number(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }

    @Test("survive corpus and findings", arguments: FuzzTarget.all.map(\.name))
    func replay(name: String) async throws {
        let target = try #require(FuzzTarget.named(name))
        let seeds = Self.inputs("corpus", target)
        #expect(!seeds.isEmpty)
        let inputs = Self.inputs("findings", target) + seeds
        for failure in await Self.failures(of: target, inputs) { Issue.record("\(failure)") }
    }

    @Test("survive random changes of corpus and findings", arguments: FuzzTarget.all.map(\.name))
    func mutations(name: String) async throws {
        let target = try #require(FuzzTarget.named(name))
        let known = Self.inputs("findings", target) + Self.inputs("corpus", target)
        let time: Duration =
            Self.number("IMMUDB_FUZZ_SECONDS").map { .seconds($0) } ?? .milliseconds(300)
        let end = ContinuousClock.now + time
        var seed = UInt64(Self.number("IMMUDB_FUZZ_SEED") ?? Int.random(in: 0..<1 << 32))
        while ContinuousClock.now < end {
            var random = SplitMix64(seed: seed)
            let batch = (0..<5).map { number in
                let input = known[random.next(below: known.count)]
                return ("seed \(seed), input \(number)", mutated(input.1, using: &random))
            }
            let failures = await Self.failures(of: target, batch)
            for failure in failures { Issue.record("\(failure)") }
            if !failures.isEmpty { break }
            seed += 1
        }
    }

    /// Runs on a thread of its own, since targets block.
    private static func failures(
        of target: FuzzTarget, _ inputs: [(String, [UInt8])]
    ) async -> [String] {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                var failures: [String] = []
                for (name, bytes) in inputs {
                    do {
                        try target.run(bytes)
                    } catch {
                        let text = Data(bytes).base64EncodedString()
                        failures.append("\(target.name), \(name): \(error): \(text)")
                    }
                }
                continuation.resume(returning: failures)
            }
        }
    }
}
