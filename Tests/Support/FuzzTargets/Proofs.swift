import ImmudbVerification
import MerkleTree

/// A valid proof is accepted, the same proof with one change is refused, and so are arbitrary bytes
/// in place of a proof.
func fuzzProofs(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    switch input.byte() % 2 {
    case 0: try fuzzForgedProof(&input)
    default: try fuzzChangedProof(&input)
    }
}

/// Takes the whole answer from the input. It is accepted exactly where the definition of RFC 6962,
/// followed step by step, accepts it.
private func fuzzForgedProof(_ input: inout FuzzInput) throws {
    let lastIndex = input.number(byteCount: 8)
    let rootBytes = input.bytes(input.byte() % 8 == 0 ? Int(input.byte()) : 32)
    let trusted = (try? TrustedRoot(lastIndex: lastIndex, rootBytes: rootBytes)) ?? .empty
    let key = input.chunk()
    let value = input.chunk()
    var proof = UncheckedProof(
        leaf: [], index: input.number(byteCount: 8), at: input.number(byteCount: 8), root: [],
        inclusionPath: [], consistencyPath: [])
    let entry = Entry(index: EntryIndex(proof.index), key: key, value: value)
    // A fuzzer does not guess digests, so the leaf may be the right one, and the root that of a
    // tree of one entry, or the one to which the paths lead.
    let flags = input.byte()
    proof.leaf = flags & 1 == 0 ? entry.leaf.bytes : input.chunk()
    for _ in 0..<(input.byte() % 80) { proof.inclusionPath.append(digestOrLess(&input)) }
    for _ in 0..<(input.byte() % 80) { proof.consistencyPath.append(digestOrLess(&input)) }
    let definition = Definition(proof, entry, trusted)
    switch flags >> 1 & 3 {
    case 0: proof.root = proof.leaf
    case 1: proof.root = definition.includingRoot?.bytes ?? []
    case 2: proof.root = trusted.root.bytes
    default: proof.root = input.chunk()
    }
    let isBelieved = (try? proof.verify(read: entry, of: key, since: trusted)) != nil
    try require(
        isBelieved == definition.holds(for: proof),
        "believed: \(isBelieved): \(proof) since \(trusted)")
    _ = try? proof.verify(writtenKey: key, value: value, since: trusted)
}

/// RFC 6962, section 2.1, in reverse: recursive, slow, with one case for each case of the text.
private struct Definition {
    /// The root to which the leaf and the inclusion path lead.
    let includingRoot: Digest?
    private let entry: Entry
    private let trusted: TrustedRoot

    init(_ proof: UncheckedProof, _ entry: Entry, _ trusted: TrustedRoot) {
        self.entry = entry
        self.trusted = trusted
        let path = proof.inclusionPath.compactMap { Digest($0) }
        guard path.count == proof.inclusionPath.count, proof.at < 1 << 63, proof.index <= proof.at
        else {
            includingRoot = nil
            return
        }
        includingRoot = Self.root(entry.leaf, proof.index, proof.at + 1, path[...])
    }

    func holds(for proof: UncheckedProof) -> Bool {
        guard proof.leaf == entry.leaf.bytes, let root = includingRoot, proof.root == root.bytes
        else { return false }
        let path = proof.consistencyPath.compactMap { Digest($0) }
        guard path.count == proof.consistencyPath.count else { return false }
        let size = proof.at + 1
        // Every tree begins with the empty one. The path is ignored.
        if trusted.size.isEmpty { return true }
        guard trusted.size.rawValue <= size else { return false }
        if trusted.size.rawValue == size { return path.isEmpty && trusted.root == root }
        guard let roots = roots(trusted.size.rawValue, size, isWhole: true, path[...]) else {
            return false
        }
        return roots.old == trusted.root && roots.new == root
    }

    /// PATH(m, D[n]) of section 2.1.1.
    private static func root(
        _ leaf: Digest, _ index: UInt64, _ size: UInt64, _ path: ArraySlice<Digest>
    ) -> Digest? {
        if size == 1 { return path.isEmpty ? leaf : nil }
        guard let sibling = path.last else { return nil }
        let left = largestPower(below: size)
        if index < left {
            return root(leaf, index, left, path.dropLast()).map { .node($0, sibling) }
        }
        return root(leaf, index - left, size - left, path.dropLast()).map { .node(sibling, $0) }
    }

    /// SUBPROOF(m, D[n], b) of section 2.1.2.
    private func roots(
        _ old: UInt64, _ new: UInt64, isWhole: Bool, _ path: ArraySlice<Digest>
    ) -> (old: Digest, new: Digest)? {
        if old == new {
            if isWhole { return path.isEmpty ? (trusted.root, trusted.root) : nil }
            return path.count == 1 ? path.first.map { ($0, $0) } : nil
        }
        guard let sibling = path.last else { return nil }
        let left = Self.largestPower(below: new)
        if old <= left {
            return roots(old, left, isWhole: isWhole, path.dropLast())
                .map { ($0.old, .node($0.new, sibling)) }
        }
        return roots(old - left, new - left, isWhole: false, path.dropLast())
            .map { (.node(sibling, $0.old), .node(sibling, $0.new)) }
    }

    private static func largestPower(below size: UInt64) -> UInt64 {
        1 << UInt64(63 - (size - 1).leadingZeroBitCount)
    }
}

private func digestOrLess(_ input: inout FuzzInput) -> [UInt8] {
    let count = input.byte()
    return count < 0xf0 ? [UInt8](repeating: count, count: 32) : input.bytes(Int(count & 0xf) * 3)
}

/// Makes a tree of up to 64 entries, a valid proof in it, and one change.
private func fuzzChangedProof(_ input: inout FuzzInput) throws {
    let size = 1 + UInt64(input.byte() % 64)
    let index = UInt64(input.byte()) % size
    let since = UInt64(input.byte()) % (size + 1)
    let entries = (0..<size).map {
        Entry(index: EntryIndex($0), key: [UInt8($0)], value: [1, UInt8($0)])
    }
    let leaves = entries.map(\.leaf)
    func node(_ place: NodePosition) -> Digest {
        let first = Int(place.index << UInt64(place.level))
        var digests = Array(leaves[first..<(first + 1 << Int(place.level))])
        while digests.count > 1 {
            digests = stride(from: 0, to: digests.count, by: 2).map {
                .node(digests[$0], digests[$0 + 1])
            }
        }
        return digests[0]
    }
    func root(_ size: UInt64) -> Digest { merkleRoot(of: TreeSize(size), node: node) }
    let trusted = TrustedRoot(size: TreeSize(since), root: root(since))
    let inclusion = InclusionProof(
        of: EntryIndex(index), in: TreeSize(size), node: node)
    let consistency = ConsistencyProof(from: TreeSize(since), to: TreeSize(size), node: node)
    let entry = entries[Int(index)]
    let proof = UncheckedProof(
        leaf: entry.leaf.bytes, index: index, at: size - 1, root: root(size).bytes,
        inclusionPath: inclusion.path.map(\.bytes), consistencyPath: consistency.path.map(\.bytes))
    let isTaken = (try? proof.verify(read: entry, of: entry.key, since: trusted)) != nil
    try require(isTaken, "a true proof was refused: entry \(index) of \(size) since \(since)")
    var changed = proof
    change(&changed, &input)
    guard changed != proof else { return }
    let isTakenToo = (try? changed.verify(read: entry, of: entry.key, since: trusted)) != nil
    // A root does not contain its tree's size, so another size is accepted if no path contradicts
    // it. And an empty tree needs no proof.
    var same = changed
    same.at = proof.at
    if since == 0 { same.consistencyPath = proof.consistencyPath }
    try require(!isTakenToo || same == proof, "a changed proof was taken: \(changed)")
}

private func change(_ proof: inout UncheckedProof, _ input: inout FuzzInput) {
    func bend(_ bytes: inout [UInt8], _ input: inout FuzzInput) {
        switch input.byte() % 3 {
        case 0 where !bytes.isEmpty: bytes[Int(input.byte()) % bytes.count] ^= max(1, input.byte())
        case 1 where !bytes.isEmpty: bytes.removeLast()
        default: bytes.append(input.byte())
        }
    }
    func bend(_ path: inout [[UInt8]], _ input: inout FuzzInput) {
        let place = Int(input.byte()) % (path.count + 1)
        switch input.byte() % 4 {
        case 0 where place < path.count: bend(&path[place], &input)
        case 1 where place < path.count: path.remove(at: place)
        case 2 where path.count > 1: path.swapAt(0, place % path.count)
        default: path.insert([UInt8](repeating: input.byte(), count: 32), at: place)
        }
    }
    switch input.byte() % 6 {
    case 0: proof.index = input.number(byteCount: 8)
    case 1: proof.at = input.number(byteCount: 8)
    case 2: bend(&proof.leaf, &input)
    case 3: bend(&proof.root, &input)
    case 4: bend(&proof.inclusionPath, &input)
    default: bend(&proof.consistencyPath, &input)
    }
}
