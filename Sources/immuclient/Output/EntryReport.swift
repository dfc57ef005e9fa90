import ClientKit
import Foundation
import ImmudbClient
import MerkleTree

/// An entry: index, key, value, leaf, and the time if the value has one.
struct EntryReport: Report {
    let entry: Entry
    /// Whether to show the value as it is stored, even if it looks structured.
    var isRaw = false
    /// nil if the command does not verify.
    var isVerified: Bool?
    /// The score of a sorted set's member, if it is to be printed.
    var score: Double?

    private var content: Content? { isRaw ? nil : entry.content }
    private var payload: [UInt8] { content?.payload ?? entry.value }

    func text(_ display: Display) -> [UInt8] {
        let time = content.map { Time.local(unixSeconds: $0.timestamp) } ?? ""
        var bytes = Array("index:\t\t\(entry.index)\nkey:\t\t".utf8)
        bytes += display.shown(entry.key)
        bytes += Array("\nvalue:\t\t".utf8)
        bytes += display.shown(payload)
        bytes += Array("\nhash:\t\t\(entry.leaf.hex) \ntime:\t\t\(time) \n".utf8)
        if let score { bytes += Array("score:\t\t\(String(format: "%f", score)) \n".utf8) }
        if let isVerified { bytes += Array("verified:\t\(isVerified) \n".utf8) }
        return bytes
    }

    var json: JSONObject {
        var object: JSONObject = [
            "index": .number(entry.index.rawValue), "hash": .text(entry.leaf.hex),
        ]
        object.set("key", bytes: entry.key)
        object.set("value", bytes: payload)
        if let content {
            object["timestamp"] = .number(content.timestamp)
            object["time"] = Time.utc(unixSeconds: content.timestamp).map(JSONValue.text)
        }
        if let score { object["score"] = .decimal(score) }
        if let isVerified { object["verified"] = .truth(isVerified) }
        return object
    }

    /// Nil for an entry that failed verification, since a value alone would not show that.
    var value: [UInt8]? { isVerified == false ? nil : payload }
}

/// An entry by its index, with time and payload as the original prints them.
struct IndexedEntryReport: Report {
    let entry: Entry

    func text(_ display: Display) -> [UInt8] {
        var bytes = Array("index:\t\t\(entry.index)\nkey:\t\t".utf8)
        bytes += display.shown(entry.key)
        bytes += Array("\nvalue:\t\t".utf8)
        if let content = entry.content {
            bytes += display.shown(Array(content.protobufText.utf8))
        } else {
            bytes += display.shown(entry.value)
        }
        let time = entry.content.map { Time.local(unixSeconds: $0.timestamp) } ?? ""
        bytes += Array(" \nhash:\t\t\(entry.leaf.hex)\ntime:\t\t\(time)\n".utf8)
        return bytes
    }

    var json: JSONObject { EntryReport(entry: entry).json }
    var value: [UInt8]? { EntryReport(entry: entry).value }
}

/// The entry of a sorted set's member.
struct MemberReport: Report {
    let entry: Entry
    let set: [UInt8]
    let score: Double
    /// nil if the command does not verify.
    var isVerified: Bool?

    func text(_ display: Display) -> [UInt8] {
        let space = isVerified == nil ? " " : ""
        var bytes = Array("index:\t\t\(entry.index)\nset:\t\t".utf8)
        bytes += display.shown(set)
        bytes += Array("\(space)\nkey:\t\t".utf8)
        bytes += display.shown(entry.key)
        bytes += Array(
            "\(space)\nscore:\t\t\(String(format: "%f", score))\(space)\nvalue:\t\t".utf8)
        bytes += display.shown(entry.value)
        bytes += Array("\(space)\nhash:\t\t\(entry.leaf.hex)\(space)\n".utf8)
        if let isVerified { bytes += Array("verified:\t\(isVerified)\n".utf8) }
        return bytes
    }

    var json: JSONObject {
        var object = EntryReport(entry: entry, isRaw: true, isVerified: isVerified).json
        object.set("set", bytes: set)
        object["score"] = .decimal(score)
        return object
    }

    var value: [UInt8]? { entry.value }
}
