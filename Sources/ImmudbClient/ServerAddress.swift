public import Foundation
import POSIX

/// The address of a server: a host and its port.
///
/// Written as a name or an address, with or without its port: `localhost`, `127.0.0.1:3322`, `::1`,
/// `[::1]`, `[::1]:3322`.
public struct ServerAddress: Sendable, Hashable, CustomStringConvertible {
    public static let defaultPort = 3322

    /// A name or an address, without brackets.
    public let host: String
    public let port: Int

    /// The reason why a text is not an address.
    public struct Fault: LocalizedError, Sendable, CustomStringConvertible {
        public let description: String
        public var errorDescription: String? { description }

        init(_ description: String) { self.description = description }
    }

    /// - Parameters:
    ///   - text: the address.
    ///   - port: the port from another setting; nil if only the address may contain one.
    /// - Throws: also if the address names another port than `port`.
    public init(_ text: String, port: Int? = nil) throws(Fault) {
        let (host, own) = try Self.parts(of: text)
        guard !host.isEmpty else { throw Fault("it names no host") }
        if let port, !(1...65535).contains(port) {
            throw Fault("its port \(port) is not a number from 1 to 65535")
        }
        if let own, let port, own != port {
            throw Fault("it names port \(own), but the port is given as \(port): give one of them")
        }
        self.host = host
        self.port = own ?? port ?? Self.defaultPort
    }

    public var description: String { hostAndPort(host, port) }

    private static func parts(of text: String) throws(Fault) -> (host: String, port: Int?) {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else {
                throw Fault("its bracket is not closed")
            }
            let host = String(text[text.index(after: text.startIndex)..<end])
            let rest = text[text.index(after: end)...]
            if rest.isEmpty { return (host, nil) }
            guard rest.hasPrefix(":") else {
                throw Fault("\"\(rest)\" follows its bracket: give a colon and a port, or nothing")
            }
            return (host, try port(rest.dropFirst()))
        }
        // An IPv6 address without brackets has more than one colon, and no port.
        guard let colon = text.firstIndex(of: ":"), text.lastIndex(of: ":") == colon else {
            return (text, nil)
        }
        return (String(text[..<colon]), try port(text[text.index(after: colon)...]))
    }

    private static func port(_ text: Substring) throws(Fault) -> Int {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let number = Int(text), (1...65535).contains(number)
        else { throw Fault("its port \"\(text)\" is not a number from 1 to 65535") }
        return number
    }
}
