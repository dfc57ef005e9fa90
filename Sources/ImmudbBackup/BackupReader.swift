public import ImmudbModel
import MerkleTree
import StorageIO

/// A part of a backup after its head.
public enum BackupPart: Sendable {
    case chunk(BackupChunk)
    case trailer(BackupTrailer)
}

/// Reads the parts of a backup one after the other, and checks their checksums, not their content: that is what
/// ``BackupChain`` does.
///
/// Memory: one chunk. Memory for a large chunk is taken as its bytes arrive, not for its stated length.
public struct BackupReader: ~Copyable {
    /// Reads the next bytes of the stream; fewer than the buffer has room for only at its end.
    public typealias Source = (UnsafeMutableRawBufferPointer) throws(StoreError) -> Int

    public let head: BackupHead
    /// The name of the backup, for messages.
    public let name: String
    /// The offset of the next part.
    public private(set) var offset: UInt64
    private let source: Source
    private let entryByteLimit: Int
    private var isAtEnd = false

    /// Reads the head.
    ///
    /// - Parameter entryByteLimit: the most bytes of an entry that has a chunk of its own: larger ones are refused.
    /// - Throws: `incompatibleFormat`, `corruption`, and what `source` throws.
    public init(
        _ name: String, entryByteLimit: Int = .max, _ source: @escaping Source
    ) throws(StoreError) {
        do throws(StoreError) {
            var bytes = try Self.bytes(BackupHead.fixedByteCount, source)
            let rest = try BackupHead.remainingByteCount(bytes)
            bytes += try Self.bytes(rest, source)
            head = try BackupHead(bytes)
            offset = UInt64(bytes.count)
        } catch {
            throw StoreError(error.code, "\(name), \(error.message)", cause: error.cause)
        }
        self.name = name
        self.source = source
        self.entryByteLimit = entryByteLimit
    }

    /// Returns the next part; nil after the trailer.
    ///
    /// - Throws: `corruption` with the offset if a part is damaged, if the stream ends before its trailer, or goes on
    ///   behind it.
    public mutating func next() throws(StoreError) -> BackupPart? {
        guard !isAtEnd else { return nil }
        let magic = try Self.bytes(4, source)
        guard magic.count == 4 else {
            throw damage(
                magic.isEmpty
                    ? "the backup is incomplete: it ends without a trailer"
                    : "the backup is incomplete: it ends in the middle of a part")
        }
        switch magic.number(UInt32.self, at: 0) {
        case BackupFormat.chunkMagic: return .chunk(try chunk(magic))
        case BackupFormat.trailerMagic: return .trailer(try trailer(magic))
        default: throw damage("neither a chunk nor a trailer begins here")
        }
    }

    private mutating func chunk(_ magic: [UInt8]) throws(StoreError) -> BackupChunk {
        let bytes = magic + (try rest(BackupChunk.Header.byteCount - magic.count))
        guard let header = BackupChunk.Header(bytes, head.identity) else {
            throw damage("the header of the chunk fails its checksum, or is impossible")
        }
        guard
            header.payloadByteCount - BackupChunk.overheadByteCount
                <= max(entryByteLimit, BackupFormat.chunkByteCount)
        else {
            throw StoreError(
                .tooLarge,
                "\(name), byte \(offset): entry \(header.firstIndex) has some \(header.payloadByteCount) bytes, and "
                    + "\(entryByteLimit) are the most that are taken here")
        }
        let payload = try rest(header.payloadByteCount)
        guard let chunk = BackupChunk(header, payload: payload) else {
            throw damage(
                "the chunk of the entries \(header.firstIndex) to "
                    + "\(header.firstIndex.rawValue + UInt64(header.entryCount) - 1) fails its checksum"
            )
        }
        offset += UInt64(chunk.byteCount)
        return chunk
    }

    private mutating func trailer(_ magic: [UInt8]) throws(StoreError) -> BackupTrailer {
        let bytes = magic + (try rest(BackupTrailer.byteCount - magic.count))
        guard let trailer = BackupTrailer(bytes, head.identity) else {
            throw damage("the trailer fails its checksum")
        }
        offset += UInt64(bytes.count)
        guard try Self.bytes(1, source).isEmpty else {
            throw damage("the backup goes on behind its trailer")
        }
        isAtEnd = true
        return trailer
    }

    private func rest(_ byteCount: Int) throws(StoreError) -> [UInt8] {
        let bytes = try Self.bytes(byteCount, source)
        guard bytes.count == byteCount else {
            throw damage("the backup is incomplete: it ends in the middle of this part")
        }
        return bytes
    }

    /// Returns the error for damage of the part at `offset`.
    func damage(_ what: String) -> StoreError {
        StoreError(.corruption, "\(name), byte \(offset): \(what)")
    }

    /// Returns the next bytes; fewer only at the end of the stream.
    private static func bytes(_ byteCount: Int, _ source: Source) throws(StoreError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < byteCount {
            let wanted = min(byteCount - bytes.count, BackupFormat.chunkByteCount + 64)
            var failure: StoreError?
            let piece = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
                do throws(StoreError) {
                    count = try source(UnsafeMutableRawBufferPointer(buffer))
                } catch {
                    failure = error
                    count = 0
                }
            }
            if let failure { throw failure }
            if bytes.isEmpty { bytes = piece } else { bytes += piece }
            if piece.count < wanted { break }
        }
        return bytes
    }
}

/// A chunk or a trailer that came by itself, with what it says of its place.
public struct PlacedPart: Sendable {
    /// The number of entries up to its end.
    public let end: UInt64
    /// nil for a chunk.
    public let trailer: BackupTrailer?

    /// Checks the checksums of a part.
    ///
    /// - Throws: `corruption` unless the bytes are exactly one part of the backup with this head.
    public init(_ bytes: [UInt8], of head: BackupHead) throws(StoreError) {
        if let trailer = BackupTrailer(bytes, head.identity), trailer.start == head.start {
            self.trailer = trailer
            end = trailer.end.size.rawValue
            return
        }
        let headerByteCount = BackupChunk.Header.byteCount
        guard
            let header = BackupChunk.Header(Array(bytes.prefix(headerByteCount)), head.identity),
            let chunk = BackupChunk(header, payload: Array(bytes.dropFirst(headerByteCount)))
        else { throw StoreError(.corruption, "a part of the backup has arrived damaged") }
        trailer = nil
        end = chunk.endIndex.rawValue
    }
}
