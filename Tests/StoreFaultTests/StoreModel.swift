import ImmudbStore
import MerkleTree
import StorageIO

/// A promise that a database has broken.
struct BrokenPromise: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

/// The entries that a database was asked to store, and its answers.
///
/// No two entries of a session are equal, so each is found again at most once.
struct StoreModel {
    /// The entries that a reopened database may lack.
    enum Loss {
        /// No entry that was acknowledged or read.
        case none
        /// A tail of whole batches: the power failed under a durability below `Durability.always`.
        case tail
    }

    /// The entries that were acknowledged, or read after an opening, by index.
    private var entries: [Int: NewEntry] = [:]
    /// The end of each acknowledged entry's batch, by the entry's index.
    private var batchEnds: [Int: Int] = [:]
    /// Batches that may or may not be stored.
    private var unknown: [[NewEntry]] = []
    /// Entries that are certainly not stored.
    private var absent: Set<NewEntry> = []
    /// The roots that were seen, by the size of the tree.
    private var roots: [Int: Digest] = [:]
    /// Whether reads wait for the key index. False while the disk may keep it from recovering.
    var waitsForIndex = true
    /// The entries of the last read, in order.
    private(set) var found: [Entry] = []

    var acknowledgedEnd: Int { (entries.keys.max() ?? -1) + 1 }
    /// Keys that can certainly be found.
    var keys: [[UInt8]] { found.filter { $0.kind == .value }.map(\.key) }

    // MARK: answers

    mutating func acknowledge(_ batch: [NewEntry], _ appended: Appended) throws {
        let first = Int(appended.first.rawValue)
        let end = first + batch.count
        guard Int(appended.last.rawValue) == end - 1 else {
            throw BrokenPromise("\(batch.count) entries got \(first)...\(appended.last)")
        }
        for (place, entry) in batch.enumerated() {
            guard entries[first + place] == nil else {
                throw BrokenPromise("the index \(first + place) was given twice")
            }
            entries[first + place] = entry
            batchEnds[first + place] = end
        }
        try see(appended.snapshot)
    }

    mutating func refuse(_ batch: [NewEntry], _ error: StoreError) {
        if error.code == .outcomeUnknown { unknown.append(batch) } else { absent.formUnion(batch) }
    }

    mutating func see(_ snapshot: Snapshot) throws {
        let size = Int(snapshot.size.rawValue)
        guard size >= acknowledgedEnd else {
            throw BrokenPromise("a snapshot of \(size) entries, \(acknowledgedEnd) acknowledged")
        }
        guard roots[size] ?? snapshot.root == snapshot.root else {
            throw BrokenPromise("two roots of \(size) entries")
        }
        roots[size] = snapshot.root
    }

    // MARK: reopening

    /// Checks everything in a reopened database, and continues from it.
    ///
    /// - Throws: `BrokenPromise`; a `StoreError` of a call that failed.
    mutating func recover(_ database: Database, losing loss: Loss = .none) throws {
        let snapshot = database.snapshot
        let all = try snapshot.entries(from: EntryIndex(0), limit: .max, byteLimit: .max)
        guard all.count == Int(snapshot.size.rawValue) else {
            throw BrokenPromise("\(all.count) of \(snapshot.size) entries can be read")
        }
        if all.count < acknowledgedEnd {
            guard loss == .tail else {
                throw BrokenPromise("\(acknowledgedEnd) entries acknowledged, \(all.count) there")
            }
            guard all.isEmpty || batchEnds[all.count - 1] ?? all.count <= all.count else {
                throw BrokenPromise("half of a batch is lost: \(all.count) entries are there")
            }
        }
        try claim(all)
        for (index, lost) in entries where index >= all.count {
            absent.insert(lost)
            entries[index] = nil
            batchEnds[index] = nil
        }
        absent.formUnion(unknown.joined())
        unknown = []
        roots = roots.filter { $0.key <= all.count }
        roots[all.count] = snapshot.root
        found = all
        try checkTree(snapshot)
        try checkReads(snapshot)
    }

    /// Determines the batch that each entry comes from.
    private mutating func claim(_ all: [Entry]) throws {
        var next = 0
        while next < all.count {
            let entry = NewEntry(all[next])
            guard all[next].index == EntryIndex(UInt64(next)) else {
                throw BrokenPromise("entry \(next) says that it is \(all[next].index)")
            }
            if let stored = entries[next] {
                guard stored == entry else { throw BrokenPromise("entry \(next) is not as stored") }
                next += 1
                continue
            }
            guard let place = unknown.firstIndex(where: { $0.first == entry }) else {
                let what = absent.contains(entry) ? "was refused, or is there twice" : "is new"
                throw BrokenPromise("entry \(next) \(what)")
            }
            let batch = unknown.remove(at: place)
            let end = next + batch.count
            guard end <= all.count, all[next..<end].map({ NewEntry($0) }) == batch else {
                throw BrokenPromise("half of a batch is there, at \(next)")
            }
            for index in next..<end {
                guard entries[index] == nil else {
                    throw BrokenPromise("the index \(index) was given twice")
                }
                entries[index] = NewEntry(all[index])
                batchEnds[index] = end
            }
            next = end
        }
    }

    /// Compares the tree with one that is built here, and verifies every proof.
    private func checkTree(_ snapshot: Snapshot) throws {
        var tree = MerkleAccumulator()
        for size in 0...found.count {
            if size > 0 { tree.append(found[size - 1].leaf) }
            guard let root = roots[size] else { continue }
            guard root == tree.root else { throw BrokenPromise("another root of \(size) entries") }
            try snapshot.consistencyProof(from: TreeSize(UInt64(size)))
                .verify(from: root, to: snapshot.root)
        }
        let since = roots.keys.filter { $0 > 0 && $0 < found.count }.max() ?? 0
        let size = TreeSize(UInt64(since))
        let trusted = roots[since].map { TrustedRoot(size: size, root: $0) } ?? .empty
        for entry in found {
            try snapshot.proof(of: entry.index, since: size)
                .verify(entry, since: trusted)
        }
    }

    /// Reads by index, by key and in the order of keys, and compares with `found`.
    private func checkReads(_ snapshot: Snapshot) throws {
        let patience = waitsForIndex ? 10 : 0
        for entry in found {
            guard try snapshot.entry(at: entry.index) == entry else {
                throw BrokenPromise("entry \(entry.index) is another one by its index")
            }
        }
        let named = found.filter { $0.kind != .sortedSetMember }
        let newest = Dictionary(named.map { ($0.key, $0) }) { $1 }
        func resolved(_ entry: Entry) -> Entry? {
            entry.kind == .reference ? newest[entry.value] : entry
        }
        for (key, entry) in newest {
            guard try whenThere(patience, { try snapshot.get(key) }) == resolved(entry) else {
                throw BrokenPromise("entry \(entry.index) is not found by its key")
            }
            let versions = named.filter { $0.key == key }
            let history = try whenThere(patience) { try snapshot.history(of: key) }
            guard history == versions.reversed() else {
                throw BrokenPromise("the history of the key of entry \(entry.index) is another")
            }
        }
        let inOrder = newest.values.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        let scanned = try whenThere(patience) { try snapshot.scan(deep: true) }
        guard scanned == inOrder.compactMap(resolved) else {
            throw BrokenPromise("a scan finds other entries")
        }
        for entry in absent where entry.kind != .sortedSetMember && newest[entry.key] == nil {
            guard try whenThere(patience, { try snapshot.newest(entry.key) }) == nil else {
                throw BrokenPromise("the key of an entry that is not stored is found")
            }
        }
        let members = found.filter { $0.kind == .sortedSetMember }
        for set in Set(members.compactMap { SortedSetKey(entry: $0)?.set }) {
            let expected = members.filter { SortedSetKey(entry: $0)?.set == set }.map(\.index)
            let there = try whenThere(patience) { try snapshot.members(of: set) }
                .map(\.setEntryIndex)
            guard there.sorted() == expected else {
                throw BrokenPromise("a sorted set has the entries \(there), not \(expected)")
            }
        }
    }
}

/// Repeats a read by key while the key index catches up with the ledger.
func whenThere<Value>(_ seconds: Int = 10, _ read: () throws -> Value) throws -> Value {
    let end = ContinuousClock.now + .seconds(seconds)
    while true {
        do {
            return try read()
        } catch let error as StoreError where error.code == .indexBehind {
            guard ContinuousClock.now < end else { throw error }
            pause(milliseconds: 2)
        }
    }
}

extension NewEntry {
    init(_ entry: Entry) {
        self.init(kind: entry.kind ?? .value, key: entry.key, value: entry.value)
    }
}
