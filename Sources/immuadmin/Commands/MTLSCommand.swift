import ArgumentParser
import ClientKit
import MutualTLSFiles
import POSIX
import ProgramKit

struct MTLSCommand: AdminCommand, FlaggedCommand {
    static let configuration = CommandConfiguration.command(
        "mtls", abstract: "Make the authority and the certificates of mutual TLS.",
        discussion: """
            'mtls init <host>' makes an authority, a certificate for a server that clients reach by that name or \
            address, and one for its clients, where the programs look for them by default. Nothing is \
            overwritten. Keys can be read by their owner only; 1_root/private is to be locked away. The \
            server's and the clients' certificates are valid for 375 days.
            """)

    @Argument(
        help: ArgumentHelp("What to do: init.", valueName: "action"), completion: .list(["init"]))
    var action: String

    @Argument(help: ArgumentHelp("Name or address of the server.", valueName: "host"))
    var host: String

    @Option(help: ArgumentHelp("Folder of the files.", valueName: "folder"), completion: .directory)
    var folder = "./tools/mtls"

    func validate() throws {
        guard action == "init" else {
            throw ValidationError("'\(action)' is nothing that mtls does: it does init")
        }
    }

    func run(in context: AdminContext) async throws {
        let files = MutualTLSFolder(folder, host: host)
        // Ctrl-C leaves all of them, or none.
        try HeldSignals.during { () throws(MutualTLSFolderError) in try files.create() }
        try context.output.write(
            LineReport(
                """
                SUCCESS: an authority and certificates for \(host) were made in \(folder)
                The server: immudb --mtls --certificate \(files.serverCertificate) --pkey \
                \(files.serverKey) --clientcas \(files.authorities)
                Its clients: --mtls --servername \(host) --certificate \(files.clientCertificate) \
                --pkey \(files.clientKey) --clientcas \(files.authorities)
                """,
                json: [
                    "folder": .text(folder), "host": .text(host),
                    "clientcas": .text(files.authorities),
                    "server": .object([
                        "certificate": .text(files.serverCertificate),
                        "pkey": .text(files.serverKey),
                    ]),
                    "client": .object([
                        "certificate": .text(files.clientCertificate),
                        "pkey": .text(files.clientKey),
                    ]),
                ]))
    }
}
