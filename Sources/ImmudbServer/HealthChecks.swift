import ImmudbOperations
import ImmudbProtocol
import RPCTransport
import SwiftProtobuf

/// The standard health service of gRPC, for probes and load balancers.
///
/// It knows four names of services: `immudb.read`, `immudb.write`, and for the server as a whole
/// the empty name and that of `ImmuService`.
struct HealthChecks: Sendable {
    private enum Part {
        case whole, reading, writing

        init?(service: String) {
            switch service {
            case "", ImmuService.name: self = .whole
            case "immudb.read": self = .reading
            case "immudb.write": self = .writing
            default: return nil
            }
        }
    }

    private let operations: DatabaseOperations
    private let monitor: HealthMonitor

    init(_ operations: DatabaseOperations, _ monitor: HealthMonitor) {
        self.operations = operations
        self.monitor = monitor
    }

    var methods: [RPCMethod] {
        [
            .measured(HealthService.check, check),
            .measuredStreaming(HealthService.watch, watch),
        ]
    }

    private func check(_ request: Grpc_Health_V1_HealthCheckRequest, _ call: ServerCall) {
        guard let part = Part(service: request.service) else {
            return call.fail(
                .notFound,
                "no such service; there are immudb.read, immudb.write and \(ImmuService.name)")
        }
        call.reply(Self.answer(Self.status(of: part, in: operations.health())))
    }

    /// Sends the status and each change until the client disconnects or the server stops. For an
    /// unknown service it sends SERVICE_UNKNOWN and keeps the call open, as the standard requires.
    private func watch(
        _ request: Grpc_Health_V1_HealthCheckRequest, _ stream: ServerStream
    ) async throws {
        guard let healths = monitor.watch(lane: stream.lane, host: stream.peerHost) else {
            throw RPCError(.resourceExhausted, "too many clients watch the health of this server")
        }
        let part = Part(service: request.service)
        var last: Grpc_Health_V1_HealthCheckResponse.ServingStatus?
        for await health in healths {
            let status = part.map { Self.status(of: $0, in: health) } ?? .serviceUnknown
            guard status != last else { continue }
            last = status
            try await stream.send(Self.answer(status))
        }
        if let part, last != .notServing, !stream.isCancelled {
            try await stream.send(Self.answer(Self.status(of: part, in: nil)))
        }
        throw RPCError(.unavailable, "the server is stopping")
    }

    /// - Parameter health: the database's health, or nil if the server is stopping.
    private static func status(
        of part: Part, in health: DatabaseOperations.Health?
    ) -> Grpc_Health_V1_HealthCheckResponse.ServingStatus {
        guard let health else { return .notServing }
        let isServing =
            switch part {
            case .whole: health.isWhole
            case .reading: health.answersReads
            case .writing: health.takesWrites
            }
        return isServing ? .serving : .notServing
    }

    private static func answer(
        _ status: Grpc_Health_V1_HealthCheckResponse.ServingStatus
    ) -> Grpc_Health_V1_HealthCheckResponse {
        .with { $0.status = status }
    }
}
