import StorageIO
import TestTools

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

// Calls on names, without numbering, faults and messages.
extension DiskState {
    mutating func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> Int {
        try checkFreeDescriptor()
        let inode: Int
        switch try names.node(path) {
        case .directory: throw SystemError(number: mode == .createNew ? EEXIST : EISDIR)
        case .file(let found):
            if mode == .createNew { throw SystemError(number: EEXIST) }
            inode = found
        case nil:
            guard mode == .createNew else { throw SystemError(number: ENOENT) }
            try checkFreeFile()
            inode = addFile(try names.entry(path))
        }
        open(inode)
        return inode
    }

    /// Fails to open a file. After EIO a new file may exist nevertheless.
    mutating func failOpen(
        _ path: String, _ mode: OpenMode, _ error: Int32
    ) throws(SystemError) {
        if mode == .createNew, error == EIO, random.chance(1, of: 2) {
            close(try open(path, mode))
        }
        throw SystemError(number: error)
    }

    /// - Returns: false if a file has the name.
    mutating func makeDirectory(_ path: String) throws(SystemError) -> Bool {
        switch try names.node(path) {
        case .directory: return true
        case .file: return false
        case nil:
            let entry = try names.entry(path)
            try checkFreeFile()
            addDirectory(entry)
            return true
        }
    }

    mutating func removeFile(_ path: String) throws(SystemError) {
        let found: NameTree.Node?
        do throws(SystemError) {
            found = try names.node(path)
        } catch {
            if error.number == ENOENT { return }
            throw error
        }
        switch found {
        case .directory: throw SystemError(number: EISDIR)
        case .file(let inode):
            names.change(.unlink(try names.entry(path)), number: trace.count)
            unlinked(inode)
        case nil: return
        }
    }

    mutating func rename(_ path: String, to newPath: String) throws(SystemError) {
        guard let node = try names.node(path) else { throw SystemError(number: ENOENT) }
        let old = try names.entry(path)
        let new = try names.entry(newPath)
        let replaced = names.live(new)
        if replaced == node { return }
        switch (node, replaced) {
        case (.file, .directory): throw SystemError(number: EISDIR)
        case (.directory, .file): throw SystemError(number: ENOTDIR)
        case (.directory, .directory): throw SystemError(number: ENOTEMPTY)
        case (_, nil), (.file, .file): break
        }
        names.change(.rename(old, to: new, node), number: trace.count)
        if case .file(let inode) = replaced { unlinked(inode) }
    }
}
