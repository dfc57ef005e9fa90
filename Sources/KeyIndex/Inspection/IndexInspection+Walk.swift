package import MerkleTree
package import StorageIO

/// A record of the index that a check has found. Its bytes are valid until the walk goes on.
package struct InspectedRecord {
    /// The name that the index has for the entry: its key, or for a member of a sorted set the record's key.
    package let name: UnsafeRawBufferPointer
    package let address: RecordAddress
    package let isMember: Bool

    /// The name of an entry in this form.
    package static func name(of entry: IndexedKey) -> [UInt8]? {
        guard entry.isMember else { return entry.key }
        var name: [UInt8] = []
        let isWellFormed = IndexRecord.appendSetRecord(
            ledgerKey: entry.key, memberLength: entry.memberLength, to: &name)
        return isWellFormed ? name : nil
    }
}

/// Something that is wrong with a record, whatever the ledger holds.
package struct RecordFault: Sendable {
    package let what: String
    package let name: [UInt8]
    package let index: EntryIndex?
}

extension IndexInspection {
    /// Passes all records of entries to `body`, and what is wrong with the records themselves to `fault`.
    ///
    /// Keys come in byte order, each with its older versions behind it; then the members of sorted sets.
    ///
    /// - Throws: `corruption` where the index cannot be read any further; what `body` throws.
    package func forEachRecord(
        _ body: (InspectedRecord) throws(StoreError) -> Void,
        fault: (RecordFault) throws(StoreError) -> Void
    ) throws(StoreError) {
        let newest = try RecordCursor(database, keepsBlocks: false)
        let older = try RecordCursor(database, keepsBlocks: false)
        newest.seek(to: [IndexRecord.newestTable])
        older.seek(to: [IndexRecord.olderTable])
        var olderKey = OlderKey()
        while let record = try newest.current(), record.key.first == IndexRecord.newestTable {
            let name = UnsafeRawBufferPointer(rebasing: record.key[IndexRecord.keyStart...])
            let address = RecordAddress(decoding: record.value)
            if let address {
                try body(InspectedRecord(name: name, address: address, isMember: false))
            } else {
                try fault(
                    RecordFault(
                        what: "an address of \(record.value.count) bytes", name: Array(name),
                        index: nil))
            }
            try passOlder(
                upTo: name, newestIndex: address?.index, older, &olderKey, body, fault: fault)
            newest.next()
        }
        try passOlder(upTo: nil, newestIndex: nil, older, &olderKey, body, fault: fault)
        try passMembers(body, fault: fault)
    }

    /// Passes the older versions of all keys up to `name`; all that are left if it is nil.
    private func passOlder(
        upTo name: UnsafeRawBufferPointer?, newestIndex: EntryIndex?, _ cursor: RecordCursor,
        _ key: inout OlderKey, _ body: (InspectedRecord) throws(StoreError) -> Void,
        fault: (RecordFault) throws(StoreError) -> Void
    ) throws(StoreError) {
        while let record = try cursor.current(), record.key.first == IndexRecord.olderTable {
            guard key.decode(record.key), let address = RecordAddress(decoding: record.value),
                address.index == key.index
            else {
                try fault(
                    RecordFault(
                        what: "a malformed record of an older version", name: key.name,
                        index: nil))
                cursor.next()
                continue
            }
            let isOfName = name.map { key.name.elementsEqual($0) } ?? false
            if !isOfName {
                // Keys that come later than `name` are passed with their newest version.
                if let name, name.lexicographicallyPrecedes(key.name) { return }
                try fault(
                    RecordFault(
                        what: "an older version of a key that has no newest one", name: key.name,
                        index: key.index))
            } else if let newestIndex, newestIndex <= key.index {
                try fault(
                    RecordFault(
                        what: "a version that is newer than the newest one, entry \(newestIndex)",
                        name: key.name, index: key.index))
            }
            try key.name.withBytes { name throws(StoreError) in
                try body(InspectedRecord(name: name, address: address, isMember: false))
            }
            cursor.next()
        }
    }

    private func passMembers(
        _ body: (InspectedRecord) throws(StoreError) -> Void,
        fault: (RecordFault) throws(StoreError) -> Void
    ) throws(StoreError) {
        let cursor = try RecordCursor(database, keepsBlocks: false)
        cursor.seek(to: [IndexRecord.sortedSetTable])
        while let record = try cursor.current() {
            if record.key.first == IndexRecord.sortedSetTable,
                let address = RecordAddress(decoding: record.value)
            {
                try body(InspectedRecord(name: record.key, address: address, isMember: true))
            } else {
                try fault(
                    RecordFault(
                        what: "a record that the format does not have", name: Array(record.key),
                        index: nil))
            }
            cursor.next()
        }
    }
}

/// The key and the index in the key of an older version's record.
private struct OlderKey {
    private(set) var name: [UInt8] = []
    private(set) var index = EntryIndex(0)

    /// - Returns: false if the bytes are not a record's key of table 02; ``name`` has as much as could be read.
    mutating func decode(_ record: UnsafeRawBufferPointer) -> Bool {
        name.removeAll(keepingCapacity: true)
        var place = 1
        while place + 1 < record.count {
            let byte = record[place]
            if byte != 0 {
                name.append(byte)
                place += 1
                continue
            }
            let second = record[place + 1]
            place += 2
            switch second {
            case 0xFF: name.append(0)
            case 0x01:
                guard record.count - place == 8 else { return false }
                let inverted = record.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                index = EntryIndex(~UInt64(bigEndian: inverted))
                return true
            default: return false
            }
        }
        return false
    }
}
