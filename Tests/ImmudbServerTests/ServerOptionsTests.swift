import ImmudbStore
import ServiceKit
import Synchronization
import Testing

@testable import ImmudbServer

@Suite("Options and the log of errors")
struct ServerOptionsTests {
    @Test("a thousand failures at once are a few lines")
    func faults() {
        let lines = Lines()
        let faults = FaultLog(ServerLog(level: .info, write: lines.add).logger)
        for number in 0..<1000 { faults.report("io", "fault \(number)") }
        // A test that is slow may see the beginning of another second or two.
        #expect((10...30).contains(lines.all.count))
        #expect(lines.all.first?.hasSuffix("fault 0") == true)
        #expect(lines.all.contains { $0.hasSuffix("are not logged)") })
    }

    @Test("the options are one line of JSON")
    func json() {
        var options = ServerOptions(
            directory: "a \"b\"\n", address: "::1", port: 1, databaseName: "d")
        options.durability = .never
        options.mutualTLS.isOn = true
        options.mutualTLS.certificate = "c"
        options.mutualTLS.key = "k"
        options.mutualTLS.clientAuthorities = "a"
        options.process.pidFile = "p"
        options.process.isDetached = true
        let expected =
            #"{"Dir":"a \"b\"\u000a","Address":"::1","Port":1,"MetricsPort":9497,"DbName":"d","#
            + #""Config":"","Pidfile":"p","Logfile":"","MTLs":true,"MTLsOptions":{"Pkey":"k","#
            + #""Certificate":"c","ClientCAs":"a"},"Auth":false,"NoHistograms":false,"#
            + #""Detached":true,"Durability":"never","MaxRecvMsgSize":33554432,"#
            + #""ConsistencyCheck":true,"ConsistencyCheckRate":0,"ServeDamaged":false,"SigningKey":""}"#
        #expect(options.json == expected)
    }

    @Test(
        "a database name has to be a plain folder name",
        arguments: [
            "", ".", "..", "a/b", "/", "\0", "a\n", "\u{85}", "immudbsys", "IMMUDBSYS",
            "immudb.identifier", ".immudb.replaced", ".a.restoring", ".x.restored",
        ])
    func databaseNames(name: String) throws {
        let error = try #require(throws: ServerStartError.self) {
            try ServerOptions(databaseName: name).validate()
        }
        #expect(error.message.contains("invalid database name \""))
        #expect(name.contains(where: \.isNewline) || error.message.contains("\"\(name)\""))
        #expect(error.message.contains("--dbname"))
    }

    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }
}
