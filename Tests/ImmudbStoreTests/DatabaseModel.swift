import ImmudbStore
import MerkleTree

/// A model of a database: a list of all entries, which it searches for each answer.
struct DatabaseModel {
    private(set) var entries: [Entry] = []
    private(set) var roots = [Digest.emptyTree]
    private var tree = MerkleAccumulator()

    /// Appends the batch if a database would.
    ///
    /// - Returns: whether it was appended.
    mutating func append(_ batch: [NewEntry]) -> Bool {
        let before = self
        for new in batch {
            if new.kind != .value, newest(new.value, in: entries.count) == nil {
                self = before
                return false
            }
            let entry = Entry(
                index: EntryIndex(UInt64(entries.count)), kind: new.kind, key: new.key,
                value: new.value)
            entries.append(entry)
            tree.append(entry.leaf)
            roots.append(tree.root)
        }
        return true
    }

    func newest(_ key: [UInt8], in size: Int) -> Entry? {
        entries[..<size].last { $0.key == key && $0.kind != .sortedSetMember }
    }

    func get(_ key: [UInt8], in size: Int) -> Entry? {
        guard let entry = newest(key, in: size) else { return nil }
        return entry.kind == .reference ? newest(entry.value, in: size) : entry
    }

    func history(of key: [UInt8], in size: Int) -> [Entry] {
        entries[..<size].reversed().filter { $0.key == key && $0.kind != .sortedSetMember }
    }

    func keys(prefix: [UInt8], in size: Int) -> Set<[UInt8]> {
        Set(
            entries[..<size].filter { $0.kind != .sortedSetMember && $0.key.starts(with: prefix) }
                .map(\.key))
    }

    func scan(
        prefix: [UInt8], after offset: [UInt8]?, reverse: Bool, deep: Bool, in size: Int
    ) -> [Entry] {
        let inOrder = keys(prefix: prefix, in: size).sorted {
            $0.lexicographicallyPrecedes($1) != reverse
        }
        return inOrder.compactMap { key in
            if let offset, !offset.isEmpty {
                let isAfter =
                    reverse
                    ? key.lexicographicallyPrecedes(offset) : offset.lexicographicallyPrecedes(key)
                guard isAfter else { return nil }
            }
            guard let entry = newest(key, in: size), deep || entry.kind != .reference else {
                return nil
            }
            return get(key, in: size)
        }
    }

    func members(
        of set: [UInt8], after offset: SortedSetKey?, reverse: Bool, in size: Int
    ) -> [SortedSetMember] {
        // Equal keys have equal scores, including 0.0 and -0.0: the first entry stays.
        var firsts: [SortedSetKey: EntryIndex] = [:]
        for entry in entries[..<size] {
            guard let key = SortedSetKey(entry: entry), key.set == set, firsts[key] == nil else {
                continue
            }
            firsts[key] = entry.index
        }
        func isBefore(_ left: SortedSetKey, _ right: SortedSetKey) -> Bool {
            if left.score != right.score { return left.score < right.score }
            return left.member.lexicographicallyPrecedes(right.member)
        }
        return firsts.sorted { isBefore($0.key, $1.key) != reverse }.compactMap { key, index in
            if let offset, reverse ? !isBefore(key, offset) : !isBefore(offset, key) { return nil }
            return newest(key.member, in: size).map {
                SortedSetMember(
                    score: key.score, member: key.member, setEntryIndex: index, entry: $0)
            }
        }
    }
}

extension [Entry] {
    /// Returns the entries up to the limits, and the first one in any case.
    func limited(to limit: Int, bytes byteLimit: Int) -> [Entry] {
        var byteCount = 0
        let fitting = prefix(limit).prefix { entry in
            byteCount += entry.key.count + entry.value.count
            return byteCount <= byteLimit
        }
        return fitting.isEmpty ? Array(prefix(Swift.min(1, limit))) : Array(fitting)
    }
}
