import CoreMetrics
import NIOCore
import RPCTransport
import Synchronization

/// The series of one method.
final class MethodMetrics: Sendable {
    /// The names that gRPC for Go gives to the status codes 0 to 16.
    private static let codes = [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound",
        "AlreadyExists", "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted",
        "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
    ]

    private let started: Counter
    /// The counters by number of the status code.
    private let handled: [Counter]
    private let received: Counter
    private let sent: Counter
    /// The timer of calls; nil without histograms.
    private let duration: Timer?

    private let begun = Atomic(0)
    /// The number of calls with one message each way and status OK, which are nearly all.
    private let usual = Atomic(0)

    init(_ method: RPCMethod, _ factory: any MetricsFactory, hasHistograms: Bool) {
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

    func noteBegin() { begun.add(1, ordering: .relaxed) }

    func note(_ call: RPCServer.FinishedCall) {
        duration?.recordNanoseconds(call.duration.nanoseconds)
        if call.code == .ok, call.receivedMessageCount == 1, call.sentMessageCount == 1 {
            usual.add(1, ordering: .relaxed)
            return
        }
        handled[min(call.code.rawValue, handled.count - 1)].increment()
        if call.receivedMessageCount > 0 { received.increment(by: call.receivedMessageCount) }
        if call.sentMessageCount > 0 { sent.increment(by: call.sentMessageCount) }
    }

    /// Records the counts since it was last called.
    func record() {
        let begun = begun.exchange(0, ordering: .relaxed)
        if begun > 0 { started.increment(by: begun) }
        let usual = usual.exchange(0, ordering: .relaxed)
        guard usual > 0 else { return }
        handled[0].increment(by: usual)
        received.increment(by: usual)
        sent.increment(by: usual)
    }
}
