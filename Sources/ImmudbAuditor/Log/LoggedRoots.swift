import ImmudbClient

/// The newest root of each server that was consistent, by the log: the servers in the order of their last lines.
struct LoggedRoots: Hashable, Sendable {
    struct Entry: Hashable, Sendable {
        var server: ServerIdentity
        var address: String
        var signed: SignedRoot
    }

    /// As many as a peer takes. An auditor meets another server only if its operator says so.
    private static let limit = PeerSources.rootLimit

    private(set) var entries: [Entry] = []

    mutating func add(_ entry: Entry) {
        entries.removeAll { $0.server == entry.server }
        if entries.count == Self.limit { entries.removeFirst() }
        entries.append(entry)
    }

    /// Takes a line of the log, if it has a root that held.
    mutating func add(_ line: RootLogLine) {
        guard line.verdict == .consistent, let signed = line.signed,
            let server = line.server.flatMap(ServerIdentity.init)
        else { return }
        add(Entry(server: server, address: line.address, signed: signed))
    }

    /// Returns a server's root; nil also for an empty tree, to which nobody can be held.
    func root(of server: ServerIdentity) -> TrustedRoot? {
        let root = entries.first { $0.server == server }?.signed.root
        return root?.size.isEmpty == false ? root : nil
    }

    /// Returns the server that was last found at an address.
    func server(at address: String) -> ServerIdentity? {
        entries.last { $0.address == address }?.server
    }
}
