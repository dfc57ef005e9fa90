import Foundation
import ImmudbClient
import MerkleTree
import TestTools
import Testing

@Suite("The memory of a real immudb")
struct ServerMemoryTests {
    @Test("is given back after many large answers at the same time")
    func largeAnswers() async throws {
        let data = TemporaryFolder()
        let roots = TemporaryFolder()
        let server = try await RunningServer(dir: data.path)
        // 480 MiB in all take long on a busy machine; this test does not measure the time.
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(
                port: server.port, connectTimeoutMilliseconds: 60_000,
                callTimeoutMilliseconds: 600_000),
            trustedRoots: FileTrustedRootStore(directory: roots.path),
            firstContact: .trustOnFirstUse)
        let key = Array("large".utf8)
        _ = try await client.rawSet(key, [UInt8](repeating: 7, count: 20 << 20))
        let before = try residentByteCount(server)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<24 { group.addTask { try await client.get(key).value.count } }
            for try await count in group { #expect(count == 20 << 20) }
        }
        var after = try residentByteCount(server)
        for _ in 0..<600 where after > before + 48 << 20 {
            try await Task.sleep(for: .milliseconds(100))
            after = try residentByteCount(server)
        }
        #expect(after <= before + 48 << 20, "\(before) before, \(after) after")
        await client.close()
        #expect(try await server.stop() == 0)
    }

    private func residentByteCount(_ server: RunningServer) throws -> Int {
        let path = "/proc/\(server.process.identifier)/statm"
        let pages = try String(contentsOfFile: path, encoding: .utf8).split(separator: " ")[1]
        return try #require(Int(pages)) * 4096
    }
}
