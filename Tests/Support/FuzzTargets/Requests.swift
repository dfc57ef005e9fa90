import ImmudbProtocol
import ImmudbServer
import ImmudbStore
import MerkleTree
import RPCTransport
import ServiceKit
import SimulatedDisk
import Synchronization

/// Sends arbitrary bytes as the message of each of the service's methods: there must be an answer,
/// and no error may be the server's own. The first byte selects the method.
func fuzzRequests(_ bytes: [UInt8]) throws {
    try ServiceUnderFuzz.shared.withLock { service in
        if service == nil { service = try ServiceUnderFuzz() }
        do {
            try service?.call(bytes)
        } catch {
            service = nil
            throw error
        }
        guard let calls = service?.callCount, calls >= 4_000 else { return }
        try service?.finish()
        service = nil
    }
}

/// A database on a disk in memory, its service, and a connection to it. It serves a few thousand
/// inputs, since it grows.
private final class ServiceUnderFuzz {
    static let shared = Mutex<ServiceUnderFuzz?>(nil)

    private let disk = SimulatedDisk()
    private let database: Database
    private let server: RPCServer
    private let socket: Socket
    private let faults = Faults()
    private var reader = FrameReader()
    private(set) var callCount = 0

    init() throws {
        database = try Database.open(at: "/db", options: Self.options(disk))
        let faults = faults
        let log = ServerLog(level: .error) { faults.add($0) }
        let service = try DatabaseService(
            database: database, log: log.logger, maxAnswerByteCount: 1 << 20)
        server = try wait { [service] in
            try await RPCServer.start(RPCServer.Configuration(), methods: service.methods)
        }
        socket = try Socket(connectingTo: server.port)
        // Windows that no test fills: 2^31 - 1 bytes for each stream, and as much for the
        // connection.
        socket.write(
            Frames.preface + Frames.frame(4, 0, 0, [0, 4, 0x7f, 0xff, 0xff, 0xff])
                + Frames.frame(8, 0, 0, Frames.number(0x7fff_0000)))
    }

    private static func options(_ disk: SimulatedDisk) -> Database.Options {
        var options = Database.Options()
        options.fileSystem = disk
        options.indexCacheByteCount = 1 << 20
        return options
    }

    func call(_ bytes: [UInt8]) throws {
        let methods = ImmuService.methods
        let method = methods[Int(bytes.first ?? 0) % methods.count]
        let stream = UInt32(1 + 2 * callCount)
        callCount += 1
        socket.write(
            Frames.frame(1, 4, stream, Frames.request(method.path))
                + Frames.frame(
                    0, 1, stream, Frames.message(Array(bytes.dropFirst().prefix(16_000)))))
        try waitForAnswer(stream, method.name)
        let fault = faults.first
        try require(fault == nil, "\(method.name): \(fault ?? "")")
    }

    private func waitForAnswer(_ stream: UInt32, _ name: String) throws {
        var taken: UInt32 = 0
        while let more = socket.read(withinMilliseconds: patienceSeconds * 1_000) {
            reader.add(more)
            while let frame = reader.next() {
                if frame.type == 0 { taken += UInt32(frame.payload.count) }
                try require(frame.type != 7, "\(name): the server leaves: \(Array(frame.payload))")
                guard frame.stream == stream else { continue }
                try require(frame.type != 3, "\(name): the call is reset")
                guard frame.type <= 1, frame.flags & 1 == 1 else { continue }
                if taken > 0 { socket.write(Frames.frame(8, 0, 0, Frames.number(taken))) }
                return
            }
        }
        throw FuzzFailure("\(name): no answer")
    }

    /// Checks that the entries are there after the next opening.
    func finish() throws {
        let server = server
        try wait { await server.shutdown(deadline: .zero) }
        let snapshot = database.snapshot
        let before = (snapshot.size, snapshot.root)
        try database.close()
        let reopened = try Database.open(at: "/db", options: Self.options(disk))
        let after = (reopened.snapshot.size, reopened.snapshot.root)
        try reopened.close()
        try require(before == after, "\(before) was stored, \(after) is there")
    }
}

/// Collects errors that the server considers its own.
private final class Faults: Sendable {
    private let lines = Mutex<[String]>([])

    func add(_ line: String) { lines.withLock { $0.append(line) } }

    var first: String? { lines.withLock { $0.first } }
}
