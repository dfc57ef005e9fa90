import Foundation
import ImmudbClient

/// The folders of trusted roots and their files.
///
/// The folder is that of `--dir` or, without one, `~/.immudb/roots`, so that a user has one memory of a server,
/// wherever a command runs. A root in the current folder, where earlier releases kept it, is used there.
struct RootFolders: Sendable {
    /// The folder of `--dir`; nil if there is none.
    private let chosen: String?
    private let home: String

    init(
        chosen: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        self.chosen = chosen.isEmpty ? nil : chosen
        home = environment["HOME"] ?? ""
    }

    /// The folder in which known servers are noted.
    var own: String { chosen ?? (home.isEmpty ? "." : "\(home)/.immudb/roots") }

    func folder(of server: ServerIdentity) -> String { isHere(server) ? "." : own }

    /// Returns whether the root of a server is in the current folder.
    fileprivate func isHere(_ server: ServerIdentity) -> Bool {
        chosen == nil && access(".root-\(server.text)", F_OK) == 0
    }
}

/// Keeps each server's root in its folder.
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
        // A user who keeps the root in the current folder gets no second folder just for the address.
        if folders.isHere(server), !KnownServers(in: folders.own).exist { return }
        try await FileTrustedRootStore(directory: folders.own).note(server, at: address)
    }
}
