import Foundation
import ImmudbClient

/// Where trusted roots are kept, and what belongs to them.
///
/// That is the folder of `--dir`; without one it is `~/.immudb/roots`, so that one user has one memory of a
/// server, wherever a command runs. A root in the current folder, where earlier releases kept it, is used where
/// it is.
struct RootFolders: Sendable {
    /// nil: none was chosen.
    private let chosen: String?
    private let home: String

    init(
        chosen: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        self.chosen = chosen.isEmpty ? nil : chosen
        home = environment["HOME"] ?? ""
    }

    /// Where the servers are noted that were met.
    var own: String { chosen ?? (home.isEmpty ? "." : "\(home)/.immudb/roots") }

    func folder(of server: ServerIdentity) -> String { isHere(server) ? "." : own }

    /// Whether the root of a server is in the current folder.
    fileprivate func isHere(_ server: ServerIdentity) -> Bool {
        chosen == nil && access(".root-\(server.text)", F_OK) == 0
    }
}

/// Each server's root in its folder.
struct RootFolderStore: TrustedRootStore {
    let folders: RootFolders

    private func store(of server: ServerIdentity) -> FileTrustedRootStore {
        FileTrustedRootStore(directory: folders.folder(of: server))
    }

    func trustedRoot(of server: ServerIdentity) async throws -> TrustedRoot? {
        try await store(of: server).trustedRoot(of: server)
    }

    func establish(_ root: TrustedRoot, of server: ServerIdentity) async throws -> TrustedRoot {
        try await store(of: server).establish(root, of: server)
    }

    func advance(
        from base: TrustedRoot, to root: TrustedRoot, of server: ServerIdentity
    ) async throws -> TrustedRoot {
        try await store(of: server).advance(from: base, to: root, of: server)
    }

    func server(at address: String) async throws -> ServerIdentity? {
        try await FileTrustedRootStore(directory: folders.own).server(at: address)
    }

    func note(_ server: ServerIdentity, at address: String) async throws {
        // Whoever keeps the root in the current folder gets no other one for the address alone.
        if folders.isHere(server), !KnownServers(in: folders.own).exist { return }
        try await FileTrustedRootStore(directory: folders.own).note(server, at: address)
    }
}
