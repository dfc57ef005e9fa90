// An application with a tamper-evident history of its own: it keeps the last root, and proves with
// it that nothing was changed and nothing was lost since.
//
// Run it twice: swift run EmbeddedDatabase

import Foundation
import ImmudbStore

let folder = CommandLine.arguments.dropFirst().first ?? "db/certificates"
let database = try Database.open(at: folder)

// What this application trusts: the root that it kept from its last run, outside of the database.
let trustFile = URL(fileURLWithPath: folder + ".trusted-root")
let kept = try? String(contentsOf: trustFile, encoding: .utf8)
guard let trusted = kept.map(TrustedRoot.init) ?? .empty else {
    // To go on would be to trust whatever the database says now.
    fatalError("\(trustFile.path) holds no root: restore it")
}

// A batch lands whole, or not at all.
let serial = "\(trusted.size)"
try await database.setBatch([
    NewEntry(key: "certificate \(serial)", value: "issued to alice"),
    NewEntry(key: "newest", value: serial),
])

// A verified read: the entry, and the proof that it is in a history that continues the trusted one.
guard let newest = try await database.getProven("newest", since: trusted.size) else {
    fatalError("the entry was just written")
}
try newest.proof.verify(newest.entry, since: trusted)
print("certificate \(newest.entry.text ?? "") is entry \(newest.entry.index)")
print(
    "the history has \(newest.proof.size) entries, and continues the \(trusted.size) that were trusted"
)

// Only now is the new root trusted.
try newest.proof.tree.text.write(to: trustFile, atomically: true, encoding: .utf8)
try database.close()
