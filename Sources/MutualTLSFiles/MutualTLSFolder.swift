// Files for mutual TLS between a server and its clients, in the layout of immudb. Read this file first.

import POSIX
import SystemPackage

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A folder with a private authority, and the certificates of a server and of its clients:
///
///     1_root/private/ca.key.pem                    to be locked away
///     1_root/certs/ca.cert.pem
///     2_intermediate/private/intermediate.key.pem  signs further certificates
///     2_intermediate/certs/intermediate.cert.pem
///     2_intermediate/certs/ca-chain.cert.pem       both authorities: --clientcas of server and clients
///     3_application/private/<host>.key.pem         --pkey of the server
///     3_application/certs/<host>.cert.pem          --certificate of the server
///     4_client/private/<host>.key.pem              --pkey of clients
///     4_client/certs/<host>.cert.pem               --certificate of clients
///
/// The root is valid for 7,300 days, the authority below it for 3,650, the others for 375.
public struct MutualTLSFolder: Sendable {
    private static let rootDays = 7_300
    private static let intermediateDays = 3_650
    private static let leafDays = 375

    public let path: String
    public let host: String

    /// Describes the folder of a host. Nothing has to exist at `path`.
    public init(_ path: String, host: String) {
        self.path = path
        self.host = host
    }

    public var authorities: String { "\(path)/2_intermediate/certs/ca-chain.cert.pem" }
    public var serverCertificate: String { "\(path)/3_application/certs/\(host).cert.pem" }
    public var serverKey: String { "\(path)/3_application/private/\(host).key.pem" }
    public var clientCertificate: String { "\(path)/4_client/certs/\(host).cert.pem" }
    public var clientKey: String { "\(path)/4_client/private/\(host).key.pem" }

    private var folders: [String] {
        ["1_root", "2_intermediate", "3_application", "4_client"].map { "\(path)/\($0)" }
    }

    /// Creates authorities, certificates and keys. Only their owner can read the keys.
    ///
    /// Overwrites nothing: if one of the four folders exists, creates nothing. If it fails midway,
    /// removes the files and folders that it has created. Blocks.
    public func create() throws(MutualTLSFolderError) {
        guard HostName.isValid(host) else {
            throw MutualTLSFolderError(
                "\"\(host)\" is not the name or address of a host: give one without wildcards")
        }
        for folder in folders where isThere(folder) { throw Self.exists(folder) }
        var written: [String] = []
        do {
            let files = try files()
            try makeFolders(path, permissions: FilePermissions(rawValue: 0o755))
            // Claims the folder: if two processes create files here at once, one gets it, the other
            // creates nothing.
            guard mkdir(folders[0], 0o755) == 0 else {
                if errno == EEXIST { throw Self.exists(folders[0]) }
                throw Errno.last
            }
            for file in files {
                try makeFolders(parentFolder(of: file.path), permissions: file.folderPermissions)
                let draft = try FileDraft(of: file.path, permissions: file.permissions)
                try draft.write(file.text.utf8)
                try draft.createUnlessThere()
                written.append(file.path)
            }
        } catch let error as MutualTLSFolderError {
            throw error
        } catch {
            remove(written)
            throw MutualTLSFolderError("certificates cannot be made in \(path): \(error)")
        }
    }

    private static func exists(_ folder: String) -> MutualTLSFolderError {
        MutualTLSFolderError(
            "\(folder) exists: nothing is overwritten. Give another folder, or move this one away")
    }

    private struct File {
        let path: String
        let text: String
        var isSecret = false

        var permissions: FilePermissions { FilePermissions(rawValue: isSecret ? 0o600 : 0o644) }
        var folderPermissions: FilePermissions {
            FilePermissions(rawValue: isSecret ? 0o700 : 0o755)
        }
    }

    private func files() throws -> [File] {
        let root = try CertificateAuthority(root: "immudb root CA of \(host)", days: Self.rootDays)
        let intermediate = try root.makeIntermediate(
            "immudb intermediate CA of \(host)", days: Self.intermediateDays)
        let server = try intermediate.issue(for: host, .server, days: Self.leafDays)
        let client = try intermediate.issue(for: host, .client, days: Self.leafDays)
        func pair(_ folder: String, _ name: String, _ issued: IssuedCertificate) -> [File] {
            [
                // Everybody can read the folder itself, but not `private` below it.
                File(path: "\(path)/\(folder)/certs/\(name).cert.pem", text: issued.certificate),
                File(
                    path: "\(path)/\(folder)/private/\(name).key.pem", text: issued.key,
                    isSecret: true),
            ]
        }
        let chain = intermediate.certificate.certificate + root.certificate.certificate
        return pair("1_root", "ca", root.certificate)
            + pair("2_intermediate", "intermediate", intermediate.certificate)
            + [File(path: authorities, text: chain)]
            + pair("3_application", host, server) + pair("4_client", host, client)
    }

    private func isThere(_ path: String) -> Bool { isFolder(path) || isRegularFile(path) != nil }

    /// Removes files, and then the folders of this type that are empty.
    private func remove(_ files: [String]) {
        for file in files { unlink(file) }
        for folder in folders {
            for part in ["certs", "private"] { rmdir("\(folder)/\(part)") }
            rmdir(folder)
        }
    }
}

/// The reason why no certificates were created.
public struct MutualTLSFolderError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
