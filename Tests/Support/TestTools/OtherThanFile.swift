import Foundation

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Something that a path can name and that is not a file.
public enum OtherThanFile: String, CaseIterable, Sendable {
    case pipe, folder, socket, device

    public struct Failure: Error {
        let errno: Int32
    }

    /// Puts it at a path, in place of what is there.
    public func make(at path: String) throws {
        try? FileManager.default.removeItem(atPath: path)
        switch self {
        case .pipe: guard mkfifo(path, 0o600) == 0 else { throw Failure(errno: errno) }
        case .folder:
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: false)
        case .socket: try Self.makeSocket(at: path)
        case .device:
            // A link: not everybody may make devices.
            try FileManager.default.createSymbolicLink(
                atPath: path, withDestinationPath: "/dev/zero")
        }
    }

    private static func makeSocket(at path: String) throws {
        // A socket's address has room for some hundred bytes: it gets a short name, then its own.
        let short = NSTemporaryDirectory() + "s\(UInt32.random(in: 0 ... .max))"
        #if !canImport(Darwin)
            let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        #else
            let descriptor = Darwin.socket(AF_UNIX, SOCK_STREAM, 0)
        #endif
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: short.utf8) }
        let result = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0, rename(short, path) == 0 else { throw Failure(errno: errno) }
    }
}
