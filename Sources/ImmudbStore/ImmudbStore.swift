// The database of immudb, embedded in an application: entries are added, never changed or deleted,
// and each is a leaf of a Merkle tree.
//
// Where to begin:
// - `Database.swift`: opening, writing, closing. `Database+Async.swift`: the same for tasks.
// - `Snapshot.swift`: reading one key or one entry, and proving. `Walks/`: scans, sorted sets, all
//   entries in insertion order.
// - `NewEntry.swift`: the kinds of entries: values, references, members of sorted sets.
// - `Backup/`: backups of a live database, and databases restored from them.
// - `Commit/`: the path of a write. `Views/`: the tree files. `Opening.swift`: recovery and catching
//   up.

@_exported public import class ImmudbBackup.BackupFile
@_exported public import struct ImmudbBackup.BackupHead
@_exported public import struct ImmudbBackup.BackupReader
@_exported public import struct ImmudbBackup.PreviousBackup
@_exported public import struct ImmudbModel.Content
@_exported public import struct ImmudbModel.Entry
@_exported public import protocol ImmudbModel.EntryBytes
@_exported public import struct ImmudbModel.EntryInclusion
@_exported public import enum ImmudbModel.EntryKind
@_exported public import struct ImmudbModel.EntryProof
@_exported public import typealias ImmudbModel.EntrySequence
@_exported public import struct ImmudbModel.PagedSequence
@_exported public import struct ImmudbModel.ProvenEntry
@_exported public import struct ImmudbModel.SortedSetKey
@_exported public import struct ImmudbModel.StoreError
@_exported public import struct ImmudbModel.TrustedRoot
@_exported public import struct MerkleTree.ConsistencyProof
@_exported public import struct MerkleTree.Digest
@_exported public import struct MerkleTree.EntryIndex
@_exported public import struct MerkleTree.InclusionProof
@_exported public import struct MerkleTree.TreeSize
@_exported public import struct MerkleTree.VerificationError
@_exported public import struct StorageIO.DatabaseIdentity
@_exported public import enum StorageIO.LogLevel
