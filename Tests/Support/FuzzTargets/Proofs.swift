import ImmudbVerification
import MerkleTree

/// A true proof is taken, the same proof with one change is not, and arbitrary bytes in the place of
/// a proof are refused.
func fuzzProofs(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    switch input.byte() % 2 {
    case 0: try fuzzForgedProof(&input)
    default: try fuzzChangedProof(&input)
    }
}

/// All of the answer comes from the input: no panic, and nothing is believed, as no input leads to
/// a digest of its choice.
private func fuzzForgedProof(_ input: inout FuzzInput) throws {
    let trusted: TrustedRoot
    let lastIndex = input.number(byteCount: 8)
    let rootBytes = input.bytes(input.byte() % 8 == 0 ? Int(input.byte()) : 32)
    if let root = try? TrustedRoot(lastIndex: lastIndex, rootBytes: rootBytes) {
        trusted = root
    } else {
        trusted = .empty
    }
    let key = input.chunk()
    let value = input.chunk()
    var proof = UncheckedProof(
        leaf: [], index: input.number(byteCount: 8), at: input.number(byteCount: 8), root: [],
        inclusionPath: [], consistencyPath: [])
    let entry = Entry(index: EntryIndex(proof.index), key: key, value: value)
    // A fuzzer does not guess digests, so the leaf may be the right one, and the root that of a tree
    // of one entry.
    let flags = input.byte()
    proof.leaf = flags & 1 == 0 ? entry.leaf.bytes : input.chunk()
    proof.root = flags & 2 == 0 ? proof.leaf : input.chunk()
    for _ in 0..<(input.byte() % 80) { proof.inclusionPath.append(digestOrLess(&input)) }
    for _ in 0..<(input.byte() % 80) { proof.consistencyPath.append(digestOrLess(&input)) }
    let isTrue =
        proof.leaf == entry.leaf.bytes && proof.root == proof.leaf && proof.at == 0
        && proof.index == 0 && proof.inclusionPath.isEmpty && proof.consistencyPath.isEmpty
    if (try? proof.verify(read: entry, of: key, since: trusted)) != nil {
        let isKnown = trusted.size.isEmpty || trusted.root == entry.leaf
        try require(isTrue && isKnown, "a proof was made up: \(proof) since \(trusted)")
    }
    _ = try? proof.verify(writtenKey: key, value: value, since: trusted)
}

private func digestOrLess(_ input: inout FuzzInput) -> [UInt8] {
    let count = input.byte()
    return count < 0xf0 ? [UInt8](repeating: count, count: 32) : input.bytes(Int(count & 0xf) * 3)
}

/// A tree of up to 64 entries, a true proof in it, and one change.
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
    // A root does not contain its tree's size: only where no path shows it may it be another.
    let differsInSize: Bool = {
        var same = changed
        same.at = proof.at
        return same == proof
    }()
    try require(!isTakenToo || differsInSize, "a changed proof was taken: \(changed)")
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
