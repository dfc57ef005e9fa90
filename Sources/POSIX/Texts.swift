// The forms of paths and addresses in messages.

import SystemPackage

/// The folder that the last name of a path is in: `.` for a name alone, `/` for one in the root.
public func parentFolder(of path: String) -> String {
    let folder = FilePath(path).removingLastComponent()
    return folder.isEmpty ? "." : folder.string
}

/// `host:port`, with brackets around an address of IPv6.
public func hostAndPort(_ host: String, _ port: Int) -> String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
}
