import Foundation
import TestTools
import Testing

/// Makes all data calls of the executable `immudb`, with a client that knows only the .proto files
/// and keeps its own list of leaves.
@Suite("immudb's data calls")
struct DataAPITests {
    @Test("give answers, roots and proofs that follow from the writes, also after a kill -9")
    func everyCall() async throws {
        let data = TemporaryFolder()
        let dir = data.file("db").path
        let state = data.file("state.json").path
        func run(_ part: String, on server: RunningServer) async throws {
            try await PythonPeer.run(
                "data_api.py", ["\(server.port)", part, state], against: server)
        }
        let first = try await RunningServer(dir: dir)
        try await run("write", on: first)
        first.process.kill()
        _ = try await first.process.exitCode()

        let second = try await RunningServer(dir: dir)
        try await run("reread", on: second)
        #expect(try await second.stop() == 0)

        let third = try await RunningServer(dir: dir)
        try await run("crowd", on: third)
        #expect(try await third.stop() == 0)
    }

    @Test("answer each recorded hostile request with its status, and write nothing")
    func hostileRequests() async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.path)
        let output = try await PythonPeer.run("hostile.py", ["\(server.port)"], against: server)
        #expect(output.contains("hostile requests: each refused as it should be"))
        #expect(try await server.stop() == 0)
    }
}
