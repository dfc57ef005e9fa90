import Foundation
import ImmudbClient
import TestTools
import Testing

/// The executable `immudb`, and a client that knows only the .proto files.
@Suite("immudb")
struct ServerEndToEndTests {
    @Test("D10: lets a foreign client check every proof and root, and again after a clean restart")
    func foreignClient() async throws {
        let data = TemporaryFolder()
        let state = data.file("state.json").path
        let dir = data.file("db").path

        let first = try await RunningServer(dir: dir)
        try await PythonPeer.run(
            "first_light.py", ["\(first.port)", "write", state], against: first)
        #expect(try await first.stop() == 0)

        let second = try await RunningServer(dir: dir)
        try await PythonPeer.run(
            "first_light.py", ["\(second.port)", "reread", state], against: second)
        #expect(try await second.stop() == 0)
    }

    @Test("describes its services to a client without .proto files, and serves that client")
    func reflection() async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.path)
        try await PythonPeer.run("reflection.py", ["\(server.port)"], against: server)
        #expect(try await server.stop() == 0)
    }

    @Test("shows one history to 64 clients that write and verify at once")
    func crowd() async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.path)
        try await PythonPeer.run(
            "first_light.py", ["\(server.port)", "crowd"], against: server)
        #expect(try await server.stop() == 0)
    }

    @Test("D8: loses no acknowledged entry when it is killed during writes")
    func crashes() async throws {
        let data = TemporaryFolder()
        let server = try RunningProcess.path(of: "immudb")
        let output = try await PythonPeer.run(
            "crash_test.py", [server, "--rounds", "5", "--folder", data.path], timeoutSeconds: 300)
        print(output)
        #expect(output.contains("none lost, all proved"))
    }

    @Test("logs what it opens, serves and closes, in the original's words")
    func log() async throws {
        let data = TemporaryFolder()
        let dir = data.path
        let emptyRoot = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        let first = try await RunningServer(dir: dir)
        try await first.process.waitForOutput("Ready: ")
        #expect(try await first.stop() == 0)
        let metricsPort = try #require(
            first.process.errors.firstMatch(of: /"MetricsPort":([0-9]+)/)?.1)
        let options =
            #"{"Dir":"\#(dir)","Address":"127.0.0.1","Port":\#(first.port),"MetricsPort":\#(metricsPort),"#
            + #""DbName":"immudb","Config":"","Pidfile":"","Logfile":"","MTLs":false,"MTLsOptions":"#
            + #"{"Pkey":"./tools/mtls/3_application/private/localhost.key.pem","#
            + #""Certificate":"./tools/mtls/3_application/certs/localhost.cert.pem","#
            + #""ClientCAs":"./tools/mtls/2_intermediate/certs/ca-chain.cert.pem"},"Auth":false,"#
            + #""NoHistograms":false,"Detached":false,"Durability":"always","#
            + #""MaxRecvMsgSize":33554432,"ConsistencyCheck":true,"ConsistencyCheckRate":0,"#
            + #""ServeDamaged":false,"SigningKey":""}"#
        expectLines(
            of: first.process,
            [
                "Metrics served at http://127.0.0.1:\(metricsPort)/metrics",
                "Tree of width 0 ready with root \(emptyRoot)",
                "Store opened at path: \(dir)/immudb",
                "starting immudb: \(options)",
                "Started with an empty database",
                "Ready: immudb \(ImmudbClient.version) serves 127.0.0.1:\(first.port)\n",
                "caught SIGTERM",
                "stopping immudb: \(options)",
                "Tree of width 0 closed with root \(emptyRoot)",
                "Store closed",
                "shutdown completed",
            ])
        #expect(first.process.output.isEmpty)
        for line in first.process.errors.split(separator: "\n") {
            let format =
                /immu-server \d{4}(\/\d\d){2} \d\d(:\d\d){2} (ERROR|WARNING|INFO|DEBUG): .+/
            #expect(try format.wholeMatch(in: line) != nil, "\(line)")
        }

        let second = try await RunningServer(dir: dir, environment: ["LOG_LEVEL": "debug"])
        try await PythonPeer.run(
            "first_light.py", ["\(second.port)", "crowd"], against: second)
        #expect(try await second.stop() == 0)
        #expect(second.process.errors.contains("DEBUG: safeset crowd0-0 2 bytes"))
        let third = try await RunningServer(dir: dir)
        #expect(try await third.stop() == 0)
        expectLines(of: third.process, ["Tree of width 1280 ready", "Tree of width 1280 closed"])
        #expect(!third.process.errors.contains("empty database"))
    }

    @Test("prints in the last line of a start where it serves, with an IPv6 address in brackets")
    func ready() async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.path, arguments: ["-a", "::1"])
        let ready = try await server.process.waitForOutput("Ready: ")
        #expect(ready.hasSuffix(" serves [::1]:\(server.port)"))
        #expect(server.process.errors.hasSuffix("\(ready)\n"))
        #expect(try await server.stop() == 0)
    }

    private func expectLines(
        of process: RunningProcess, _ texts: [String],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var rest = process.errors[...]
        for text in texts {
            guard let found = rest.range(of: text) else {
                Issue.record(
                    "\"\(text)\" is missing, or not in order, in:\n\(process.errors)",
                    sourceLocation: sourceLocation)
                return
            }
            rest = rest[found.upperBound...]
        }
    }
}
