import ImmudbClient

// What other auditors were shown.

extension AuditRound {
    /// Has the server prove that what other auditors trust is of its history. A peer whose roots cannot be compared is a
    /// warning: a fork that only it was shown is not found.
    mutating func compareWithPeers(_ client: ImmudbClient) async {
        for peer in options.peers {
            let name = WebCalls.shown(peer)
            do {
                let roots = try await peers.roots(of: peer)
                let ofServer = roots.filter { $0.server == client.identity }
                guard let other = roots.first, ofServer.isEmpty else {
                    if roots.isEmpty { skip("the auditor \(name) trusts no root yet") }
                    for root in ofServer where !root.signed.root.size.isEmpty {
                        await compare(root, of: name, client)
                    }
                    continue
                }
                skip(
                    "the auditor \(name) audits another server, \(other.server): the one here is \(client.identity)"
                )
            } catch {
                skip("the auditor \(name) cannot be asked: \(error)")
            }
        }
    }

    private mutating func skip(_ warning: String) {
        report.warnings.append(warning)
        report.skippedPeerCount += 1
    }

    private mutating func compare(_ peer: PeerRoot, of name: String, _ client: ImmudbClient) async {
        let root = peer.signed.root
        if let key = options.connection.signingKey {
            do {
                try key.verify(peer.signed)
            } catch {
                return skip(
                    "the auditor \(name) has a root that the server has not signed: \(error)")
            }
        }
        do {
            try await client.verifyHistory(of: root)
        } catch let error as VerificationError where error.code == .receiptRefuted {
            let now = (try? await client.trustedRoot()) ?? .empty
            let isBehind = root.size > now.size
            report.findings.append(
                Finding(
                    isBehind ? .rolledBack : .forked,
                    "the auditor \(name) was shown the \(root), and the server does not have it in its history: "
                        + (isBehind
                            ? "it has only \(now.size) entries here"
                            : "it shows two histories")
                        + (options.connection.signingKey == nil
                            ? "" : ", although it has signed that root")
                        + (error.evidenceFile.map { ", evidence in \($0)" } ?? ""),
                    evidenceFile: error.evidenceFile))
        } catch {
            add(error)
        }
    }
}
