import Foundation
import ImmudbClient
import POSIX

/// Where the roots of other auditors come from: their `/roots`, or a file.
struct PeerSources: Sendable {
    /// The most bytes of an answer, and of the end of a file that is looked at.
    static let byteLimit = 64 << 10
    /// The most roots of an auditor that are compared.
    static let rootLimit = 64

    let http: WebCalls

    /// Returns the newest roots that another auditor was shown.
    ///
    /// - Parameter place: a URL, `/roots` if it has no path; or a file: what `/roots` answers, or an auditor's log.
    /// - Throws: why it has none.
    func roots(of place: String) async throws -> [PeerRoot] {
        let bytes: [UInt8]
        if place.hasPrefix("http://") || place.hasPrefix("https://") {
            guard var url = URLComponents(string: place) else {
                throw AuditorError(.files, "that is no URL")
            }
            if ["", "/"].contains(url.path) { url.path = "/roots" }
            bytes = try await http.get(url.string ?? place, byteLimit: Self.byteLimit)
        } else {
            bytes = try await blocking { try Self.end(of: place) }
        }
        return try Self.roots(in: bytes)
    }

    static func roots(in bytes: [UInt8]) throws(AuditorError) -> [PeerRoot] {
        if let document = try? JSONDecoder().decode(RootsDocument.self, from: Data(bytes)) {
            guard document.roots.count <= rootLimit else {
                throw AuditorError(.files, "it has more than \(rootLimit) roots")
            }
            let roots = document.roots.map(PeerRoot.init)
            guard !roots.contains(nil) else {
                throw AuditorError(.files, "it has a malformed root")
            }
            return roots.compactMap(\.self)
        }
        // The last line of a log with a root. The first line of its end may be cut.
        for line in bytes.split(separator: UInt8(ascii: "\n")).reversed() {
            guard let parsed = RootLogLine.parse(line)?.line, parsed.verdict == .consistent,
                let root = PeerRoot(parsed)
            else { continue }
            return [root]
        }
        throw AuditorError(.files, "it has neither roots nor a log of an auditor")
    }

    private static func end(of path: String) throws -> [UInt8] {
        let file = try FileDescriptor.opening(path, .readOnly, .nonBlocking)
        return try file.closeAfter {
            let size = try file.seek(offset: 0, from: .end)
            try file.seek(offset: max(0, size - Int64(byteLimit)), from: .start)
            return try file.bytes(upTo: byteLimit)
        }
    }
}
