import Synchronization

/// The memory that the gateway holds for one request: its body, its answer, and the memory for reading and writing
/// them as JSON. It is counted before it is allocated, and released when the room is deallocated.
///
/// All requests share ``RequestLimits/maxHeldByteCount``; the last eighth of it is for small requests. Some memory is
/// not counted: for each waiting call a few copies of a body of 16 KiB and of an answer of 64 KiB, and for each
/// connection the head of a request.
final class Room: Sendable {
    private static let largeByteCount = 1 << 20

    /// The request's connection, whose task leaves its event loop if the request is large.
    let connection: GatewayConnection
    private let account: HostShares
    private let byteCount = Atomic(0)

    init(of connection: GatewayConnection, in account: HostShares) {
        self.connection = connection
        self.account = account
    }

    deinit { account.forget(connection.host, byteCount.load(ordering: .relaxed)) }

    /// Reserves more bytes; returns false, and reserves nothing, if there is not enough memory
    /// left.
    func grow(by more: Int) -> Bool {
        let spare = more < Self.largeByteCount ? 0 : account.limit / 8
        guard account.admit(connection.host, more, sparing: spare) else { return false }
        connection.executor.leaveLoopLater()
        byteCount.add(more, ordering: .relaxed)
        return true
    }

    /// Releases some bytes.
    func shrink(by less: Int) {
        byteCount.subtract(less, ordering: .relaxed)
        account.forget(connection.host, less)
    }

    /// Releases all but `kept` bytes.
    func shrink(to kept: Int) { shrink(by: max(0, byteCount.load(ordering: .relaxed) - kept)) }
}
