/// The methods of a server by path, looked up by the bytes of the `:path` header without making a string.
final class MethodTable: Sendable {
    private let slots: [Int]  // position in `methods`, -1: empty; open addressing
    private let methods: [RPCMethod]
    private let paths: [[UInt8]]
    private let services: Set<String>
    /// A longer path is unknown, without comparing its bytes.
    private let longestPathByteCount: Int

    /// Makes the table. Paths must differ and begin with `/`.
    init(_ methods: [RPCMethod]) {
        var size = 8
        while size < methods.count * 2 { size *= 2 }
        var slots = [Int](repeating: -1, count: size)
        for (position, method) in methods.enumerated() {
            var slot = Array(method.path.utf8).withUnsafeBufferPointer(Self.hash) & (size - 1)
            while slots[slot] >= 0 {
                precondition(methods[slots[slot]].path != method.path, "\(method.path) twice")
                slot = (slot + 1) & (size - 1)
            }
            slots[slot] = position
        }
        self.slots = slots
        self.methods = methods
        paths = methods.map { Array($0.path.utf8) }
        longestPathByteCount = paths.map(\.count).max() ?? 0
        services = Set(methods.compactMap { Self.parts(of: $0.path)?.service })
    }

    func method(_ path: UnsafeBufferPointer<UInt8>) -> RPCMethod? {
        guard path.count <= longestPathByteCount else { return nil }
        var slot = Self.hash(path) & (slots.count - 1)
        while slots[slot] >= 0 {
            let position = slots[slot]
            if paths[position].withUnsafeBufferPointer({ $0.equals(path) }) {
                return methods[position]
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Returns the message that gRPC for Go sends for a path that is not registered.
    func unknown(_ path: String) -> String {
        guard let (service, method) = Self.parts(of: path) else {
            return "malformed method name: \"\(path)\""
        }
        return services.contains(service)
            ? "unknown method \(method) for service \(service)" : "unknown service \(service)"
    }

    private static func parts(of path: String) -> (service: String, method: String)? {
        guard path.hasPrefix("/"), let slash = path.dropFirst().lastIndex(of: "/") else {
            return nil
        }
        return (
            String(path[path.index(after: path.startIndex)..<slash]),
            String(path[path.index(after: slash)...])
        )
    }

    /// FNV-1a. No client chooses the entries of the table, so nobody can cause collisions in it.
    private static func hash(_ path: UnsafeBufferPointer<UInt8>) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in path { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int(truncatingIfNeeded: hash ^ hash >> 32)
    }
}
