import Foundation
import TestTools
import Testing

/// The gateway's console in a real Chromium, with real entries, and a proxy between them that lies.
@Suite("the console")
struct ConsoleTests {
    private let work = TemporaryFolder()

    static var hasChromium: Bool {
        let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
        return folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/chromium") }
    }

    @Test(
        "shows entries with proofs that it verifies itself, and turns red at every lie",
        .enabled(
            if: ConsoleTests.hasChromium,
            "Scripts/install-dependencies.sh --browser installs Chromium"),
        arguments: [
            "merkle,contact,empty,pages,hostile,keyboard,motion,insecure,login,looks",
            "growth,lies,mutations,forms,alarm,forget",
        ])
    func console(parts: String) async throws {
        let server = try await RunningServer(
            dir: work.file("db").path, arguments: ["--gateway", "--gateway-port", "0"])
        let line = try await server.process.waitForOutput("Gateway served at ")
        let url = try #require(line.split(separator: " ").last)
        let output = try await PythonPeer.run(
            "console_check.py", ["--url", "\(url)", "--only", parts],
            against: server, timeoutSeconds: 900)
        #expect(output.contains("ok: "))
        #expect(try await server.stop() == 0)
    }
}
