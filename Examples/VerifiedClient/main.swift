// An application that keeps its certificates in an immudb server which it does not trust.
//
// Start a server (make run), then run it twice: swift run VerifiedClient
// Arguments: port of the server, folder of the trusted roots.

import Foundation
import ImmudbClient

let arguments = CommandLine.arguments.dropFirst()
let port = arguments.first.flatMap { Int($0) } ?? 3322
let folder = arguments.dropFirst().first ?? "trusted"

// The newest verified root is kept in the folder, one file for each server. Whoever can write to it
// can make this program trust another history: keep it as you keep a key.
let client = try await ImmudbClient.connect(
    to: "127.0.0.1:\(port)",
    trustedRoots: FileTrustedRootStore(directory: folder), firstContact: .trustOnFirstUse)
let before = try await client.trustedRoot()

do {
    // Written, and verified: it is in a tree that continues the one that was trusted.
    let written = try await client.verifiedSet("certificate", "issued to alice")
    print("certificate is entry \(written.value.index)")

    // Read, and verified. Only verification makes a `Verified`.
    let read = try await client.verifiedGet("certificate")
    print("\(read.value.text ?? ""): verified: true")
    print("the ledger has \(read.root.size) entries, and continues the \(before.size) from before")

    // Everything that was ever written under the key, newest first; each entry proven.
    for try await proven in client.verifiedHistory(of: "certificate") {
        print("  entry \(proven.value.index): \(proven.value.text ?? "")")
    }
} catch let error as VerificationError {
    // Not a fault to be retried: evidence. The trusted root stays as it was.
    print("THE SERVER CANNOT BE TRUSTED: \(error)")
    exit(2)
}
await client.close()
