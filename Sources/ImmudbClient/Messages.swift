import Foundation
import ImmudbProtocol
import ImmudbVerification

// Conversions between messages of the wire and values of this module that several files use.

extension Entry {
    init(_ message: Immudb_Schema_Item) {
        self.init(
            index: EntryIndex(message.index), key: message.key.allBytes,
            value: message.value.allBytes)
    }
}

extension UncheckedProof {
    init(_ message: Immudb_Schema_Proof) {
        self.init(
            leaf: message.leaf.allBytes, index: message.index, at: message.at,
            root: message.root.allBytes, inclusionPath: message.inclusionPath.map(\.allBytes),
            consistencyPath: message.consistencyPath.map(\.allBytes))
    }
}

extension Immudb_Schema_KeyValue {
    init(_ key: [UInt8], _ value: [UInt8]) {
        self.init()
        self.key = Data(key)
        self.value = Data(value)
    }
}

extension Immudb_Schema_Key {
    init(_ key: [UInt8]) {
        self.init()
        self.key = Data(key)
    }
}

extension Immudb_Schema_Index {
    init(_ index: EntryIndex) {
        self.init()
        self.index = index.rawValue
    }
}

extension Immudb_Schema_ReferenceOptions {
    init(_ name: [UInt8], _ key: [UInt8]) {
        self.init()
        self.reference = Data(name)
        self.key = Data(key)
    }
}

extension Immudb_Schema_ZAddOptions {
    init(_ set: [UInt8], _ score: Double, _ key: [UInt8]) {
        self.init()
        self.set = Data(set)
        self.score = score
        self.key = Data(key)
    }
}
