// The forms of paths and addresses in messages.

import SystemPackage

/// Returns the folder that contains the last name of a path: `.` for a name alone, `/` for one directly below it.
public func parentFolder(of path: String) -> String {
    let folder = FilePath(path).removingLastComponent()
    return folder.isEmpty ? "." : folder.string
}

/// Returns `host:port`, with brackets around an IPv6 address.
public func hostAndPort(_ host: String, _ port: Int) -> String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
}
