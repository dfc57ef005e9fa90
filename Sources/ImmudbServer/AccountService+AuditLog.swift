import ImmudbAccounts
import ImmudbProtocol
import ImmudbStore
import RPCTransport

extension AccountService {
    /// Streams the audit entries of one snapshot, ordered by time. Does not block writers.
    func auditLog(_ request: Immudb_Admin_V1_AuditLogRequest, _ stream: ServerStream) async throws {
        let filter = try AuditFilter(request)
        do {
            var walk = try accounts.auditWalk(filter)
            while !walk.isAtEnd {
                let before = walk
                let page = try await accounts.database.reading { () throws(StoreError) in
                    var walk = before
                    return (items: try walk.nextPage(), walk: walk)
                }
                walk = page.walk
                for item in page.items { try await stream.send(Immudb_Admin_V1_AuditEntry(item)) }
            }
        } catch let error as StoreError {
            let refusal = Refusal(error)
            faults.report(refusal, of: stream)
            throw RPCError(refusal.code, refusal.message)
        }
    }
}

extension AuditFilter {
    fileprivate init(_ request: Immudb_Admin_V1_AuditLogRequest) throws(RPCError) {
        self.init()
        since = request.hasSince ? request.since : nil
        until = request.hasUntil ? request.until : nil
        user = request.user.isEmpty ? nil : request.user
        if request.limit > 0 { limit = Int(clamping: request.limit) }
        newestFirst = request.newestFirst
        guard !request.action.isEmpty else { return }
        guard let action = AuditEntry.Action(rawValue: request.action) else {
            let known = AuditEntry.Action.allCases.map(\.rawValue).joined(separator: ", ")
            throw RPCError(
                .invalidArgument, "no such action: there are \(known)")
        }
        self.action = action
    }
}

extension Immudb_Admin_V1_AuditEntry {
    fileprivate init(_ item: AuditWalk.Item) {
        self.init()
        index = item.index.rawValue
        time = item.entry.time
        action = item.entry.action.rawValue
        by = item.entry.by
        from = item.entry.from
        user = item.entry.user
        outcome = item.entry.outcome
        omitted = UInt64(clamping: item.entry.omitted)
    }
}
