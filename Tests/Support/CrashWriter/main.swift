// A process that writes until it is killed, for kill_loop.py:
//
//     crash-writer <folder> <seed> <acknowledged size> <root of that size, in hex, or ->
//
// Opens the database and checks the promises of earlier processes: acknowledged entries are there
// byte for byte, the current tree begins with their root, and the root over the leaves is the
// stored one. Prints "ready <size>". Then writes, and prints "<size> <root>" after each
// acknowledged append. If a promise is broken, exits with 1 and a line on the standard error.
//
// Entry i is the same in each process, so it can be checked without a record.

import ImmudbStore
import MerkleTree
import StorageIO
import Synchronization
import TestTools

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

func fail(_ reason: String) -> Never {
    let line = Array("broken promise: \(reason)\n".utf8)
    _ = write(2, line, line.count)
    exit(1)
}

func say(_ text: String) {
    let line = Array((text + "\n").utf8)
    _ = write(1, line, line.count)
}

/// Returns SplitMix64's output for a number.
func mixed(_ number: UInt64) -> UInt64 {
    var bits = number &+ 0x9E37_79B9_7F4A_7C15
    bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
    return bits ^ bits >> 31
}

/// Returns entry `index`: one of 5,000 keys, with a value of up to 300 bytes, a few of up to
/// 20,000.
func content(of index: UInt64) -> NewEntry {
    let bits = mixed(index)
    let length = bits % 64 == 0 ? Int(bits >> 8 % 20_000) : Int(bits >> 8 % 300)
    let value = (0..<length).map {
        UInt8(truncatingIfNeeded: bits >> UInt64($0 % 57) &+ UInt64($0))
    }
    return NewEntry(key: Array("key \(bits >> 20 % 5_000)".utf8), value: value)
}

func check(_ database: Database, acknowledged: UInt64, root: String) throws {
    let snapshot = database.snapshot
    guard snapshot.size.rawValue >= acknowledged else {
        fail("\(acknowledged) entries were acknowledged, \(snapshot.size) are there")
    }
    var tree = MerkleAccumulator()
    var rootThen = tree.root
    for entry in try snapshot.entries(from: EntryIndex(0), limit: .max) {
        let expected = content(of: entry.index.rawValue)
        guard entry.index.rawValue == tree.size.rawValue, entry.key == expected.key,
            entry.value == expected.value
        else { fail("entry \(tree.size) is not what was written") }
        tree.append(entry.leaf)
        if tree.size.rawValue == acknowledged { rootThen = tree.root }
    }
    guard tree.root == snapshot.root else { fail("the root is not that of the entries") }
    guard root == "-" || rootThen.hex == root else {
        fail("the root of \(acknowledged) entries has changed")
    }
    for step in 0..<20 where !snapshot.size.isEmpty {
        let index = EntryIndex(mixed(UInt64(step) &+ acknowledged) % snapshot.size.rawValue)
        let entry = try snapshot.entry(at: index)
        try snapshot.proof(of: index, since: TreeSize(acknowledged)).verify(entry, since: .empty)
        guard let newest = try snapshot.get(entry.key), newest.index >= index else {
            fail("entry \(index) is not found by its key")
        }
    }
}

let arguments = CommandLine.arguments
guard arguments.count == 5, let seed = UInt64(arguments[2]), let acknowledged = UInt64(arguments[3])
else { fail("usage: crash-writer <folder> <seed> <acknowledged size> <root>") }
do {
    var options = Database.Options()
    options.segmentByteCount = 64 << 10
    options.log = { level, message in if level == .error { fail("logged: \(message)") } }
    let database = try Database.open(at: arguments[1], options: options)
    try check(database, acknowledged: acknowledged, root: arguments[4])
    say("ready \(database.snapshot.size)")

    var next = database.snapshot.size.rawValue
    let inFlight = Atomic(0)
    while true {
        let count = [1, 1, 1, 2, 7, 60][Int(mixed(next ^ seed) % 6)]
        let batch = (0..<UInt64(count)).map { content(of: next + $0) }
        let first = next
        next += UInt64(count)
        inFlight.add(1, ordering: .relaxed)
        database.append(batch) { result in
            switch result {
            case .success(let appended):
                guard appended.first.rawValue == first else {
                    fail("entry \(first) got index \(appended.first)")
                }
                say("\(appended.snapshot.size) \(appended.snapshot.root.hex)")
            case .failure(let error): fail("\(error)")
            }
            inFlight.subtract(1, ordering: .relaxed)
        }
        // A single writer, or up to 32 appends in one group.
        let most = mixed(seed) % 2 == 0 ? 1 : 32
        while inFlight.load(ordering: .relaxed) >= most { usleep(50) }
    }
} catch {
    fail("\(error)")
}
