import CoreMetrics
import NIOCore
import RPCTransport
import Synchronization

/// Counts the calls of a server, as the metrics of gRPC for Go do, and those of each client's address.
final class CallMetrics: Sendable {
    /// The series of one method.
    fileprivate struct Method: Sendable {
        let started: Counter
        /// By the status code's number.
        let handled: [Counter]
        let received: Counter
        let sent: Counter
        /// Nil without histograms.
        let duration: Timer?
    }

    private let methods: [String: Method]
    private let clients: ClientMetrics

    /// All series of the methods are there from the beginning, with 0.
    init(_ methods: [RPCMethod], _ factory: any MetricsFactory, hasHistograms: Bool) {
        self.methods = Dictionary(
            uniqueKeysWithValues: methods.map { method in
                (method.path, Method(method, factory, hasHistograms: hasHistograms))
            })
        clients = ClientMetrics(factory)
    }

    /// - Parameter peerAddress: address and port.
    func observer(of peerAddress: String) -> any RPCServer.CallObserver {
        Observer(methods: methods, client: clients.client(at: ClientMetrics.host(of: peerAddress)))
    }

    private struct Observer: RPCServer.CallObserver {
        let methods: [String: Method]
        let client: ClientMetrics.Client

        func began(_ method: String) {
            client.noteCall()
            methods[method]?.started.increment()
        }

        func ended(_ call: RPCServer.FinishedCall) {
            guard let path = call.method, let method = methods[path] else { return }
            method.handled[min(call.code.rawValue, method.handled.count - 1)].increment()
            if call.receivedMessageCount > 0 {
                method.received.increment(by: call.receivedMessageCount)
            }
            if call.sentMessageCount > 0 { method.sent.increment(by: call.sentMessageCount) }
            method.duration?.recordNanoseconds(call.duration.nanoseconds)
        }
    }
}

extension CallMetrics.Method {
    /// The names that gRPC for Go gives to the status codes 0 to 16.
    private static let codes = [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound",
        "AlreadyExists", "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted",
        "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
    ]

    fileprivate init(_ method: RPCMethod, _ factory: any MetricsFactory, hasHistograms: Bool) {
        let parts = method.path.split(separator: "/").map(String.init)
        let kind =
            switch method.kind {
            case .unary: "unary"
            case .serverStreaming: "server_stream"
            case .conversation: "bidi_stream"
            }
        let labels = [
            ("grpc_type", kind), ("grpc_service", parts.first ?? ""),
            ("grpc_method", parts.last ?? ""),
        ]
        func counter(_ metric: ServerMetric, _ more: [(String, String)] = []) -> Counter {
            Counter(label: metric.rawValue, dimensions: more + labels, factory: factory)
        }
        started = counter(.callsStarted)
        handled = Self.codes.map { counter(.callsHandled, [("grpc_code", $0)]) }
        received = counter(.messagesReceived)
        sent = counter(.messagesSent)
        duration =
            hasHistograms
            ? Timer(
                label: ServerMetric.callDuration.rawValue, dimensions: labels, factory: factory)
            : nil
    }
}
