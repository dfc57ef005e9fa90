import Foundation
import MerkleTree

/// The test vectors of the specification, computed by an independent program and partly printed by
/// the original server.
struct Vectors: Decodable {
    struct LeafDigest: Decodable {
        var index: String
        var keyHex: String
        var valueHex: String
        var digest: String
    }

    struct Item: Decodable {
        var index: UInt64
        var keyHex: String
        var valueHex: String
        var leaf: String
    }

    struct Root: Decodable {
        var width: UInt64
        var root: String
    }

    struct Inclusion: Decodable {
        var at: UInt64
        var index: UInt64
        var leaf: String
        var root: String
        var path: [String]
    }

    struct Consistency: Decodable {
        var first: UInt64
        var second: UInt64
        var firstRoot: String
        var secondRoot: String
        var path: [String]
    }

    struct Tree: Decodable {
        var items: [Item]
        var roots: [Root]
        var inclusion: [Inclusion]
        var consistency: [Consistency]
    }

    var leafDigests: [LeafDigest]
    var treePlain: Tree
    var treeRecorded: Tree
    var mustReject: [String]

    static func load() throws -> Vectors {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "vectors.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Vectors.self, from: Data(contentsOf: file))
    }
}

struct NotHex: Error { var text: String }

func bytes(_ hex: String) throws -> [UInt8] {
    let digits = Array(hex)
    guard digits.count % 2 == 0 else { throw NotHex(text: hex) }
    return try stride(from: 0, to: digits.count, by: 2).map {
        guard let byte = UInt8(String(digits[$0...$0 + 1]), radix: 16) else {
            throw NotHex(text: hex)
        }
        return byte
    }
}

func digest(_ hex: String) throws -> Digest {
    guard let digest = Digest(hex: hex) else { throw NotHex(text: hex) }
    return digest
}
