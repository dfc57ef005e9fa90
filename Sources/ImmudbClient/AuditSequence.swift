public import Foundation
import ImmudbProtocol
import RPCTransport

/// Which entries of the audit log are asked for; nil leaves nothing out.
public struct AuditQuery: Sendable {
    /// Not before, and not after.
    public var since: Date?
    public var until: Date?
    /// Who did it, or to whom it was done.
    public var user: String?
    /// Such as `create-user`; see ``AuditedAct/action``.
    public var action: String?
    /// The most entries, at least 1.
    public var limit: Int?
    public var newestFirst = false

    public init() {}
}

/// An act of administration, or an attempt, as the server tells it.
public struct AuditedAct: Hashable, Sendable {
    /// Of the entry, in the system's database.
    public let index: UInt64
    /// By the server's clock.
    public let time: Date
    /// first-login, login, create-user, change-password, delete-user, audit-log or reset-password.
    public let action: String
    /// Who; empty where nobody proved who it is.
    public let by: String
    /// Address and port, or offline.
    public let from: String
    /// The user it was done to; empty where that is nobody, or not known.
    public let user: String
    /// done, or refused with the reason.
    public let outcome: String
    /// Refused attempts before this one that have no entry of their own, since there were too many.
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

/// The entries of an audit log, as they come. To be iterated once; letting go of it ends the call.
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
