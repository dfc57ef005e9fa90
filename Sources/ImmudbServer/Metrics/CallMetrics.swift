import CoreMetrics
import NIOCore
import RPCTransport
import Synchronization

/// Counts a server's calls, as the metrics of gRPC for Go do, and the calls of each client's address.
///
/// A call increments a few numbers, which are recorded once a second. It records only its duration itself.
final class CallMetrics: Sendable {
    /// The metrics by number of the method, relative to the first one.
    private let methods: [MethodMetrics?]
    private let firstNumber: Int
    private let clients: ClientMetrics

    /// All series of the methods exist from the start, with 0.
    init(_ methods: [RPCMethod], _ factory: any MetricsFactory, hasHistograms: Bool) {
        firstNumber = methods.map(\.number).min() ?? 0
        let lastNumber = methods.map(\.number).max() ?? 0
        var table = [MethodMetrics?](repeating: nil, count: lastNumber - firstNumber + 1)
        for method in methods {
            table[method.number - firstNumber] = MethodMetrics(
                method, factory, hasHistograms: hasHistograms)
        }
        self.methods = table
        clients = ClientMetrics(factory)
    }

    /// Records the counts since it was last called.
    func record() {
        for method in methods { method?.record() }
        clients.record()
    }

    /// - Parameter host: the unit by which clients are counted: an address, or a network of IPv6.
    func observer(of host: String) -> any RPCServer.CallObserver {
        Observer(self, host: host)
    }

    private func series(of method: RPCMethod) -> MethodMetrics? {
        let position = method.number - firstNumber
        return methods.indices.contains(position) ? methods[position] : nil
    }

    private final class Observer: RPCServer.CallObserver {
        private let metrics: CallMetrics
        private let host: String
        /// Set at the first call, so that a client that only connects gets no series.
        private let client = AtomicLazyReference<ClientMetrics.Client>()

        init(_ metrics: CallMetrics, host: String) {
            self.metrics = metrics
            self.host = host
        }

        func began(_ method: RPCMethod) {
            let known = client.load() ?? client.storeIfNil(metrics.clients.client(at: host))
            known.noteCall()
            metrics.series(of: method)?.noteBegin()
        }

        func ended(_ call: RPCServer.FinishedCall) {
            guard let method = call.method else { return }
            metrics.series(of: method)?.note(call)
        }
    }
}
