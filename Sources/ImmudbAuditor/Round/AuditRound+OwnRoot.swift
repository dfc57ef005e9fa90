import ImmudbClient

// The trusted root in its file, and the one in the signed log. The file can be lost, or be replaced by an older one, without a
// trace in it; the log says so.

extension AuditRound {
    /// Returns the server that was trusted at the address: from the folder of roots, or, if that has lost it, from the log.
    mutating func knownServer() async throws -> ServerIdentity? {
        if let known = try await roots.server(at: report.address) { return known }
        guard let known = logged.server(at: report.address) else { return nil }
        try await roots.note(known, at: report.address)
        report.warnings.append(
            "the file of the servers that were trusted had lost the one at \(report.address): by the auditor's log it is \(known)"
        )
        return known
    }

    /// Reports the trusted root of a server. If its file is missing, or has an older root than the log, it gets that of the log.
    ///
    /// - Returns: the root of the log, if that of the file goes beyond it: the server has to prove that it has both.
    /// - Throws: `AuditorError` with code `.rootChanged` if they contradict each other.
    @discardableResult
    mutating func useRoot(of server: ServerIdentity) async throws -> TrustedRoot? {
        report.server = server
        let kept = try await roots.trustedRoot(of: server)
        report.previous = kept
        guard let known = logged.root(of: server), kept != known else { return nil }
        try OwnRoot.requireAgreement(of: kept, with: known, of: server)
        if let kept, kept.size > known.size { return known }
        report.previous = known
        if let kept {
            try await roots.advance(from: kept, to: known, of: server)
        } else {
            try await roots.establish(known, of: server)
        }
        report.warnings.append(
            "the file of the trusted root \(kept.map { "has only the \($0)" } ?? "is gone"): the auditor goes on from the "
                + "\(known), which is the last one in its log")
        return nil
    }

    /// Has the server prove that a root of the log is of its history, which continues that of the file.
    mutating func prove(_ known: TrustedRoot, _ client: ImmudbClient) async throws {
        do {
            try await client.verifyHistory(of: known)
        } catch let error as VerificationError where error.code == .receiptRefuted {
            var failure = VerificationError(
                .consistencyFailed,
                "the server continues the root in the auditor's file, and does not have the last one in the auditor's log",
                trustedRoot: known.root, trustedSize: known.size, path: error.path)
            failure.evidenceFile = error.evidenceFile
            throw failure
        }
    }
}

/// The trusted root in its file, beside the one in the log.
enum OwnRoot {
    /// - Throws: `AuditorError` with code `.rootChanged`.
    static func requireAgreement(
        of kept: TrustedRoot?, with known: TrustedRoot?, of server: ServerIdentity
    ) throws(AuditorError) {
        guard let kept, let known, kept.size == known.size, kept != known else { return }
        throw AuditorError(
            .rootChanged,
            "the trusted root of the server \(server) is not the one in the auditor's log: the file has the \(kept), the log "
                + "the \(known). The log is signed, the file is not: find out who changed it. Without the file the auditor "
                + "goes on from its log")
    }
}
