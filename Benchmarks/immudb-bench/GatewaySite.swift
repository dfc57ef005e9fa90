import Glibc
import ImmudbStore

/// A database with its server, and a gateway to it.
struct GatewaySite {
    let folder: BenchFolder
    let immudbPort: Int
    let port: Int
    /// The process whose CPU time counts.
    let process: Int32
    private let processes: [Int32]

    /// `immudb` and `immugw`.
    static func separate() throws -> GatewaySite {
        let folder = try filledFolder()
        let immudb = try start(immudb(folder, port: 13_351))
        let gateway = try start([
            "bin/immugw", "-p", "13352", "-j", "13351", "--dir", "\(folder.path)/gateway",
        ])
        return GatewaySite(
            folder: folder, immudbPort: 13_351, port: 13_352, process: gateway,
            processes: [gateway, immudb])
    }

    /// `immudb --gateway`.
    static func embedded() throws -> GatewaySite {
        let folder = try filledFolder()
        let both = try start(
            immudb(folder, port: 13_353) + ["--gateway", "--gateway-port", "13354"])
        return GatewaySite(
            folder: folder, immudbPort: 13_353, port: 13_354, process: both, processes: [both])
    }

    private static func filledFolder() throws -> BenchFolder {
        let folder = try BenchFolder()
        let database = try Database.open(at: "\(folder.path)/immudb")
        try fill(database, from: 0, to: RESTOperation.entryCount)
        try database.close()
        return folder
    }

    private static func immudb(_ folder: BenchFolder, port: Int) -> [String] {
        [
            "bin/immudb", "--dir", folder.path, "-p", String(port), "--metrics-port", "0",
            "--durability", "never",
        ]
    }

    /// Returns a load on the gateway, which has been answered once.
    func load(_ operation: RESTOperation) async throws -> HTTPLoad {
        let load = try await HTTPLoad(
            port: port, connections: gatewayConnectionCount, request: operation.request)
        for _ in 0..<100 {
            // The gateway may not have reached immudb yet.
            if (try? await load.run(requests: 1)) != nil { return load }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw BenchError("the gateway at port \(port) does not answer \(operation.name)")
    }

    func stop() {
        for process in processes { end(process, signal: SIGTERM) }
    }
}
