import Foundation
import Testing

/// Processes that are killed, and a kernel that fails their system calls.
@Suite(.serialized)
struct CrashEndToEndTests {
    @Test("keeps every acknowledged entry and root of a process that is killed repeatedly")
    func kills() async throws {
        let writer = try RunningProcess.path(of: "crash-writer")
        let output = try await PythonPeer.run(
            "kill_loop.py", [writer, "--rounds", "20"], timeoutSeconds: 300)
        print(output)
        #expect(output.contains("none lost"))
    }

    @Test("keeps every promise of a real server while strace fails its system calls, one at a time")
    func failingCalls() async throws {
        #if os(Linux)
            let server = try RunningProcess.path(of: "immudb")
            let output = try await PythonPeer.run(
                "torture.py", [server, "--short"], timeoutSeconds: 400)
            print(output)
            #expect(output.contains("no findings"))
        #endif
    }
}
