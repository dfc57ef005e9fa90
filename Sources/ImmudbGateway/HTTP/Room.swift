import Synchronization

/// What one request makes the gateway hold: its body, its answer, and what reading and writing them as JSON takes. It is
/// counted before the memory is taken, and the end of the room's life gives everything back.
///
/// All requests together have ``RequestLimits/maxHeldByteCount``; the last eighth of it is for small requests. Not counted
/// are, for each call that waits, some copies of a body of 16 KiB and of an answer of 64 KiB, and for each connection the
/// head of a request.
final class Room: Sendable {
    private static let largeByteCount = 1 << 20

    /// The request's, whose task leaves its event loop when the request turns out to be large.
    let connection: GatewayConnection
    private let account: HostShares
    private let byteCount = Atomic(0)

    init(of connection: GatewayConnection, in account: HostShares) {
        self.connection = connection
        self.account = account
    }

    deinit { account.forget(connection.host, byteCount.load(ordering: .relaxed)) }

    /// Takes more room; returns false, and takes none, if there is not enough.
    func grow(by more: Int) -> Bool {
        let spare = more < Self.largeByteCount ? 0 : account.limit / 8
        guard account.admit(connection.host, more, sparing: spare) else { return false }
        connection.executor.leaveLoopLater()
        byteCount.add(more, ordering: .relaxed)
        return true
    }

    /// Gives some of it back.
    func shrink(by less: Int) {
        byteCount.subtract(less, ordering: .relaxed)
        account.forget(connection.host, less)
    }

    /// Gives back what is more than `kept`.
    func shrink(to kept: Int) { shrink(by: max(0, byteCount.load(ordering: .relaxed) - kept)) }
}
