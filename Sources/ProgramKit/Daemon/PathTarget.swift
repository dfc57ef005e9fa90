import POSIX

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Compares paths by the file that they lead to.
public enum PathTarget {
    /// Whether two paths lead to the same file, or would if it existed: through links, by different
    /// routes, or as two names of one file.
    public static func areOne(_ first: String, _ second: String) -> Bool {
        var (firstStatus, secondStatus) = (stat(), stat())
        if stat(first, &firstStatus) == 0, stat(second, &secondStatus) == 0 {
            return firstStatus.st_ino == secondStatus.st_ino
                && firstStatus.st_dev == secondStatus.st_dev
        }
        return resolved(first) == resolved(second)
    }

    /// Returns the path from the root. Follows links as far as the path exists.
    private static func resolved(_ path: String, linksLeft: Int = 32) -> String {
        if let real = realpath(path, nil) {
            defer { free(real) }
            return String(cString: real)
        }
        guard !["", ".", "/"].contains(path) else { return path }
        let (folder, name) = (parentFolder(of: path), FilePath(path).lastComponent?.string ?? "")
        if linksLeft > 0, let target = linkTarget(of: path) {
            let path = target.hasPrefix("/") ? target : "\(folder)/\(target)"
            return resolved(path, linksLeft: linksLeft - 1)
        }
        return resolved(folder, linksLeft: linksLeft) + "/" + name
    }

    private static func linkTarget(of path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
