// The checks before an answer of an immudb server is trusted. Pure functions on plain values: no network
// and no files, so that anyone can verify answers that somebody else fetched, on any device that runs
// Swift. Read Verification.swift first.

@_exported public import struct ImmudbModel.Content
@_exported public import struct ImmudbModel.Entry
@_exported public import protocol ImmudbModel.EntryBytes
@_exported public import struct ImmudbModel.EntryInclusion
@_exported public import enum ImmudbModel.EntryKind
@_exported public import struct ImmudbModel.EntryProof
@_exported public import typealias ImmudbModel.EntrySequence
@_exported public import struct ImmudbModel.PagedSequence
@_exported public import struct ImmudbModel.ServerIdentity
@_exported public import struct ImmudbModel.TrustedRoot
@_exported public import struct MerkleTree.ConsistencyProof
@_exported public import struct MerkleTree.Digest
@_exported public import struct MerkleTree.EntryIndex
@_exported public import struct MerkleTree.InclusionProof
@_exported public import struct MerkleTree.TreeSize
@_exported public import struct MerkleTree.VerificationError
