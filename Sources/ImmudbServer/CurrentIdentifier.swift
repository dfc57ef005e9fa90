import Synchronization

/// The identifier of a running server, which changes when the database of another one is restored into it.
final class CurrentIdentifier: Sendable {
    private let current: Mutex<ServerIdentifier>

    init(_ identifier: ServerIdentifier) { current = Mutex(identifier) }

    var value: ServerIdentifier {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }
}
