public import Foundation
import ImmudbProtocol
import RPCTransport

/// Selects entries of the audit log; nil excludes nothing.
public struct AuditQuery: Sendable {
    /// The times not before and not after which the acts took place.
    public var since: Date?
    public var until: Date?
    /// The user who did it, or to whom it was done.
    public var user: String?
    /// The action, for example `create-user`; see ``AuditedAct/action``.
    public var action: String?
    /// The most entries, at least 1.
    public var limit: Int?
    public var newestFirst = false

    public init() {}
}

/// An act of administration, or an attempt, as the server reports it.
public struct AuditedAct: Hashable, Sendable {
    /// The index of the entry in the system's database.
    public let index: UInt64
    /// The time by the server's clock.
    public let time: Date
    /// first-login, login, create-user, change-password, delete-user, audit-log, reset-password, backup or restore.
    public let action: String
    /// The user who did it; empty if nobody has proved to be one.
    public let by: String
    /// The address and port, or offline.
    public let from: String
    /// The user to whom it was done; empty if it concerns no user, or the user is unknown.
    public let user: String
    /// done, or refused with the reason.
    public let outcome: String
    /// How many refused attempts before this one have no entry of their own, since there were too many.
    public let omitted: UInt64

    init(_ message: Immudb_Admin_V1_AuditEntry) {
        index = message.index
        time = Date(timeIntervalSince1970: Double(message.time) / 1_000_000)
        action = message.action
        by = message.by
        from = message.from
        user = message.user
        outcome = message.outcome
        omitted = message.omitted
    }
}

/// The entries of an audit log, as they arrive. Iterate over it once; releasing it ends the call.
public struct AuditSequence: AsyncSequence, Sendable {
    public typealias Element = AuditedAct

    let messages: RPCResponseStream<Immudb_Admin_V1_AuditEntry>
    let server: String

    public func makeAsyncIterator() -> Iterator {
        Iterator(messages: messages.makeAsyncIterator(), server: server)
    }

    public struct Iterator: AsyncIteratorProtocol {
        var messages: RPCResponseStream<Immudb_Admin_V1_AuditEntry>.AsyncIterator
        let server: String

        /// - Throws: `ClientError` if the server or the connection ended the call early.
        public mutating func next() async throws -> AuditedAct? {
            do {
                return try await messages.next().map(AuditedAct.init)
            } catch {
                guard let error = error as? RPCError else { throw error }
                throw ClientError(error, server: server)
            }
        }
    }
}
