#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The names on a disk: a live and a durable image of every directory, and the journal of the
/// changes between them.
///
/// Hard links, symbolic links and the removal of directories are not simulated.
struct NameTree: Sendable {
    enum Node: Hashable, Sendable {
        case file(Int)
        case directory(Int)
    }

    /// A name in a directory.
    struct Entry: Hashable, Sendable {
        var directory: Int
        var name: String
    }

    enum Change: Sendable {
        case link(Entry, Node)
        case unlink(Entry)
        /// Atomic: the journal holds it as one change.
        case rename(Entry, to: Entry, Node)

        var directories: [Int] {
            switch self {
            case .link(let entry, _), .unlink(let entry): [entry.directory]
            case .rename(let old, let new, _): [old.directory, new.directory]
            }
        }
    }

    struct Directory: Sendable {
        var live: [String: Node] = [:]
        var durable: [String: Node] = [:]
    }

    static let root = 0

    private(set) var directories = [root: Directory()]
    /// The changes that no sync has made durable, oldest first, with the numbers of their calls.
    private(set) var journal: [(number: Int, change: Change)] = []
    /// The directories by the paths by which they were reached.
    private var cache = ["": root, "/": root]

    // MARK: looking up

    /// - Returns: nil if the last component does not exist.
    mutating func node(_ path: String) throws(SystemError) -> Node? {
        if let directory = cache[path] { return .directory(directory) }
        let entry = try entry(path)
        return directories[entry.directory]?.live[entry.name]
    }

    mutating func directory(_ path: String) throws(SystemError) -> Int {
        if let directory = cache[path] { return directory }
        switch try node(path) {
        case .directory(let number):
            cache[path] = number
            return number
        case .file: throw SystemError(number: ENOTDIR)
        case nil: throw SystemError(number: ENOENT)
        }
    }

    /// Returns the entry that a path names, whether it exists or not. Its directory must exist.
    mutating func entry(_ path: String) throws(SystemError) -> Entry {
        let (parent, name) = Self.split(path)
        guard !name.isEmpty else { throw SystemError(number: EINVAL) }
        return Entry(directory: try directory(parent), name: name)
    }

    func live(_ entry: Entry) -> Node? { directories[entry.directory]?.live[entry.name] }

    /// Returns the path above, and the last component. Slashes at the end are ignored.
    static func split(_ path: String) -> (parent: String, name: String) {
        let bytes = path.utf8
        var end = bytes.endIndex
        while end > bytes.startIndex, bytes[bytes.index(before: end)] == UInt8(ascii: "/") {
            end = bytes.index(before: end)
        }
        guard let slash = bytes[..<end].lastIndex(of: UInt8(ascii: "/")) else {
            return ("", String(path[..<end]))
        }
        let parent = slash == bytes.startIndex ? "/" : String(path[..<slash])
        return (parent, String(path[bytes.index(after: slash)..<end]))
    }

    /// Every live file with its path, ordered by path.
    var files: [(path: String, inode: Int)] {
        var found: [(path: String, inode: Int)] = []
        func walk(_ number: Int, _ path: String) {
            for (name, node) in directories[number]?.live ?? [:] {
                switch node {
                case .file(let inode): found.append(("\(path)/\(name)", inode))
                case .directory(let below): walk(below, "\(path)/\(name)")
                }
            }
        }
        walk(Self.root, "")
        return found.sorted { $0.path < $1.path }
    }

    // MARK: changing

    mutating func addDirectory(_ entry: Entry, inode: Int, number: Int) {
        directories[inode] = Directory()
        change(.link(entry, .directory(inode)), number: number)
    }

    mutating func change(_ change: Change, number: Int) {
        switch change {
        case .link(let entry, let node): directories[entry.directory]?.live[entry.name] = node
        case .unlink(let entry): directories[entry.directory]?.live[entry.name] = nil
        case .rename(let old, let new, let node):
            directories[old.directory]?.live[old.name] = nil
            directories[new.directory]?.live[new.name] = node
            if case .directory = node { cache = ["": Self.root, "/": Self.root] }
        }
        journal.append((number, change))
    }

    /// Makes the names in a directory durable, and the changes on which they depend: a rename out
    /// of another directory, and earlier changes there.
    mutating func synchronize(_ directory: Int) {
        guard !journal.isEmpty else { return }
        var wanted: Set = [directory]
        var kept: [(number: Int, change: Change)] = []
        var applied: [Change] = []
        for (number, change) in journal.reversed() {
            if change.directories.contains(where: wanted.contains) {
                wanted.formUnion(change.directories)
                applied.append(change)
            } else {
                kept.append((number, change))
            }
        }
        for change in applied.reversed() { applyDurably(change) }
        journal = kept.reversed()
    }

    private mutating func applyDurably(_ change: Change) {
        switch change {
        case .link(let entry, let node): directories[entry.directory]?.durable[entry.name] = node
        case .unlink(let entry): directories[entry.directory]?.durable[entry.name] = nil
        case .rename(let old, let new, let node):
            directories[old.directory]?.durable[old.name] = nil
            directories[new.directory]?.durable[new.name] = node
        }
    }

    // MARK: crashing

    /// Returns the names after a power failure: the durable ones, with the changes in the journal
    /// before `journalEnd`.
    func afterCrash(journalEnd: Int) -> NameTree {
        var tree = self
        for (_, change) in journal[..<journalEnd] { tree.applyDurably(change) }
        var reached: [Int: Directory] = [:]
        var waiting = [Self.root]
        while let number = waiting.popLast() {
            let names = tree.directories[number]?.durable ?? [:]
            reached[number] = Directory(live: names, durable: names)
            for case .directory(let below) in names.values { waiting.append(below) }
        }
        tree.directories = reached
        tree.journal = []
        tree.cache = ["": Self.root, "/": Self.root]
        return tree
    }

    /// The files to which a name leads, be it live, durable or in the journal.
    var inodes: Set<Int> {
        var found: Set<Int> = []
        for directory in directories.values {
            for case .file(let inode) in directory.live.values { found.insert(inode) }
            for case .file(let inode) in directory.durable.values { found.insert(inode) }
        }
        for (_, change) in journal {
            switch change {
            case .link(_, .file(let inode)), .rename(_, to: _, .file(let inode)):
                found.insert(inode)
            default: break
            }
        }
        return found
    }
}

/// An error number of the operating system, before it gets a message.
struct SystemError: Error {
    var number: Int32
}
