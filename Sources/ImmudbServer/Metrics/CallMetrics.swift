import CoreMetrics
import NIOCore
import RPCTransport

/// Counts the calls of a server, as the metrics of gRPC for Go do, and those of each client's address.
///
/// A call adds to a few numbers; once a second they are recorded. Only durations are recorded by the call.
final class CallMetrics: Sendable {
    /// By the number of the method, from the first one's on.
    private let methods: [MethodMetrics?]
    private let firstNumber: Int
    private let clients: ClientMetrics

    /// All series of the methods are there from the beginning, with 0.
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

    /// Records what was counted since the last time.
    func record() {
        for method in methods { method?.record() }
        clients.record()
    }

    /// - Parameter peerAddress: address and port.
    func observer(of peerAddress: String) -> any RPCServer.CallObserver {
        Observer(metrics: self, client: clients.client(at: ClientMetrics.host(of: peerAddress)))
    }

    private func series(of method: RPCMethod) -> MethodMetrics? {
        let position = method.number - firstNumber
        return methods.indices.contains(position) ? methods[position] : nil
    }

    private struct Observer: RPCServer.CallObserver {
        let metrics: CallMetrics
        let client: ClientMetrics.Client

        func began(_ method: RPCMethod) {
            client.noteCall()
            metrics.series(of: method)?.noteBegin()
        }

        func ended(_ call: RPCServer.FinishedCall) {
            guard let method = call.method else { return }
            metrics.series(of: method)?.note(call)
        }
    }
}
