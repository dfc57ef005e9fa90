// The forms of paths, addresses and numbers in messages.

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

/// Returns a number with its noun: `1 second`, `2 seconds`.
package func counted(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
}

/// Returns an address as the system's calls take it: one of IPv6 may be in brackets where a person writes it.
package func withoutBrackets(_ address: String) -> String {
    address.hasPrefix("[") && address.hasSuffix("]")
        ? String(address.dropFirst().dropLast()) : address
}
