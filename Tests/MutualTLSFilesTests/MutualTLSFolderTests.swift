import Foundation
import MutualTLSFiles
import RPCTransport
import TestTools
import Testing

@Suite("A folder of certificates for mutual TLS")
struct MutualTLSFolderTests {
    private let work = TemporaryFolder()

    private func permissions(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? Int)
    }

    @Test(
        "has the layout that server and clients expect, and they can use it",
        arguments: ["localhost", "db.example.com", "10.1.2.3", "fd00::7"])
    func layout(host: String) throws {
        let folder = MutualTLSFolder(work.file("tools/mtls").path, host: host)
        try folder.create()
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".pem") }.sorted()
        #expect(
            files == [
                "1_root/certs/ca.cert.pem", "1_root/private/ca.key.pem",
                "2_intermediate/certs/ca-chain.cert.pem",
                "2_intermediate/certs/intermediate.cert.pem",
                "2_intermediate/private/intermediate.key.pem",
                "3_application/certs/\(host).cert.pem", "3_application/private/\(host).key.pem",
                "4_client/certs/\(host).cert.pem", "4_client/private/\(host).key.pem",
            ])
        for file in files {
            let isKey = file.hasSuffix(".key.pem")
            #expect(try permissions("\(folder.path)/\(file)") == (isKey ? 0o600 : 0o644))
        }
        #expect(try permissions("\(folder.path)/3_application/private") == 0o700)
        let server = try ServerTLS(
            certificate: folder.serverCertificate, key: folder.serverKey,
            clientAuthorities: folder.authorities)
        #expect(server.summary.hasPrefix("\(host), valid until 2"))
        #expect(server.warning == nil)
        _ = try ClientTLS(
            authorities: folder.authorities,
            certificate: (folder.clientCertificate, folder.clientKey), serverName: nil)
    }

    @Test("is verified by OpenSSL: purposes, names and validity")
    func openSSL() throws {
        let folder = MutualTLSFolder(work.file("mtls").path, host: "localhost")
        try folder.create()
        for (purpose, file) in [
            ("sslserver", folder.serverCertificate), ("sslclient", folder.clientCertificate),
        ] {
            let words = try openssl(
                ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", folder.authorities]
                    + [file])
            #expect(words.hasSuffix(": OK\n"), "\(words)")
        }
        let text = try openssl(["x509", "-in", folder.serverCertificate, "-noout", "-text"])
        #expect(text.contains("DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1"))
        for (file, days) in [
            ("1_root/certs/ca", 7_300), ("2_intermediate/certs/intermediate", 3_650),
            ("3_application/certs/localhost", 375), ("4_client/certs/localhost", 375),
        ] {
            let path = "\(folder.path)/\(file).cert.pem"
            for (more, isOver) in [(-1, false), (1, true)] {
                let seconds = (days + more) * 86_400
                let words = try openssl(
                    ["x509", "-in", path, "-noout", "-checkend", "\(seconds)"])
                #expect(words == "Certificate will \(isOver ? "" : "not ")expire\n", "\(file)")
            }
        }
    }

    @Test("is made by one of several that begin at once")
    func race() async throws {
        for round in 0..<5 {
            let folder = MutualTLSFolder(work.file("race\(round)").path, host: "localhost")
            let made = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        do {
                            try folder.create()
                            return true
                        } catch {
                            // The error tells the others what to do.
                            #expect("\(error)".contains("exists: nothing is overwritten"))
                            return false
                        }
                    }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(made == 1)
            _ = try ServerTLS(
                certificate: folder.serverCertificate, key: folder.serverKey,
                clientAuthorities: folder.authorities)
        }
    }

    @Test("overwrites nothing, and is removed if it was not completed")
    func refusals() throws {
        let folder = MutualTLSFolder(work.file("a").path, host: "localhost")
        try folder.create()
        let before = try Data(contentsOf: URL(fileURLWithPath: folder.serverKey))
        let again = #expect(throws: MutualTLSFolderError.self) { try folder.create() }
        #expect(again?.description.hasPrefix("\(folder.path)/1_root exists: ") == true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.serverKey)) == before)

        // The folder of clients cannot be created: a file has its name.
        let other = work.file("b")
        try FileManager.default.createDirectory(at: other, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: other.path + "/4_client", withDestinationPath: "/dev/null/nowhere")
        #expect(throws: MutualTLSFolderError.self) {
            try MutualTLSFolder(other.path, host: "localhost").create()
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: other.path) == ["4_client"])
    }

    @Test(
        "refuses a host that no certificate can have",
        arguments: ["", "a b", "../x", "*.example.com", "-a", "a..b", "a/b", "ä.example"])
    func hosts(host: String) {
        let folder = MutualTLSFolder(work.file("x").path, host: host)
        #expect(throws: MutualTLSFolderError.self) { try folder.create() }
        #expect(!FileManager.default.fileExists(atPath: folder.path))
    }

    private func openssl(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let words = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: words, as: UTF8.self)
    }
}
