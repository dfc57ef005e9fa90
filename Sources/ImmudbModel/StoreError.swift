public import Foundation
public import MerkleTree

/// An error of a database: a code to decide by, a message for a person, and the cause.
///
/// Two errors are equal when their codes are; messages are for people.
public struct StoreError: LocalizedError, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// Bytes on disk fail their checksum or their structure: an accident, such as a bad disk.
        case corruption
        /// An entry's bytes are intact but differ from its leaf in the tree: somebody changed the history.
        case tampered
        /// Written by another version of this software.
        case incompatibleFormat
        /// A file that belongs to another database.
        case foreignDatabase
        /// A backup that does not continue this history, or a root that is not in it.
        case otherHistory
        /// The folder is open: in another process, or already in this one.
        case inUse
        case permissionDenied
        /// The disk has no bytes, or no inodes, left.
        case noSpace
        /// This process, or the system, has the most files open that it may have.
        case noDescriptors
        /// Any other failure of the operating system.
        case io
        /// A write or sync failed earlier: the database takes no more writes until it is reopened.
        /// This write is certainly not stored.
        case writesStopped
        /// The disk failed during this write: it may or may not have been stored. The next opening finds out. A caller
        /// that repeats the write may have it twice.
        case outcomeUnknown
        /// This write is stored, durable and visible to every later read; only its proof could not be made. A caller
        /// that repeats the write has it twice.
        case storedUnproven
        /// The disk failed before anything of this write reached it: the write is certainly not stored, and may be
        /// tried again.
        case notStored
        /// More writes wait than the queue can hold; nothing was written.
        case overloaded
        /// The database was closed.
        case closed
        case invalidKey
        /// The name of a reference cannot be a key.
        case invalidReference
        /// The name of a sorted set is empty or begins with a zero byte.
        case invalidSet
        /// A score that cannot be ordered: NaN.
        case invalidScore
        case invalidPrefix
        /// A walk cannot continue after the given key.
        case invalidOffset
        case keyTooLong
        case emptyBatch
        case tooManyEntries
        /// A batch exceeds the most bytes that one frame of the ledger can hold.
        case tooLarge
        case keyNotFound
        case indexNotFound
        /// A proof was requested from a tree that is larger than the current one.
        case invalidRootIndex
        /// The key index, a view that can be rebuilt, failed.
        case index
        /// The key index failed and does not have all entries yet: reads by key are refused until it does.
        case indexBehind
        /// The caller stopped an opening, or a write before any of it was written.
        case cancelled
    }

    public var code: Code
    public var message: String
    public var cause: (any Error)?
    /// The entry that is damaged, where that is what the error says.
    public var damagedEntry: EntryIndex?

    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    public var description: String {
        if let cause { "\(message): \(cause)" } else { message }
    }

    /// The same as ``description``, which `localizedDescription` then is, too.
    public var errorDescription: String? { description }

    /// Whether the data itself is wrong, damaged, changed or of another history, and not only what was done with it: exit
    /// code 3 of all programs.
    public var isOfWrongData: Bool {
        switch code {
        case .corruption, .tampered, .otherHistory, .foreignDatabase: true
        default: false
        }
    }

    public static func == (left: StoreError, right: StoreError) -> Bool { left.code == right.code }
}
