import Foundation
import ImmudbProtocol
public import ImmudbVerification
import RPCTransport
import SwiftProtobuf
import Synchronization

// Plain walks: over keys, over sorted sets, over all entries.

extension ImmudbClient {
    /// Returns the newest entries of the keys with a prefix, in byte order.
    ///
    /// The server may return fewer than there are, since an answer has a largest size: continue after the last key,
    /// until nothing is returned.
    ///
    /// - Parameters:
    ///   - prefix: empty for all keys.
    ///   - offset: the key after which to begin, in the direction of the scan; it need not exist.
    ///   - limit: the most entries; nil for the server's own limit, 104,857.
    ///   - reverse: from the last key to the first.
    ///   - deep: whether references are followed instead of left out; the entries then have their targets'
    ///     keys, so a deep scan cannot continue after its last key.
    public func scan(
        prefix: [UInt8] = [], after offset: [UInt8] = [], limit: UInt64? = nil,
        reverse: Bool = false, deep: Bool = false
    ) async throws(ClientError) -> [Entry] {
        var request = Immudb_Schema_ScanOptions()
        request.prefix = Data(prefix)
        request.offset = Data(offset)
        request.limit = limit ?? 0
        request.reverse = reverse
        request.deep = deep
        if limit == 0 { return [] }
        let response: Immudb_Schema_ItemList = try await call(
            ImmuService.scan, request, about: prefix.isEmpty ? [] : [GivenName(.prefix, prefix)])
        return response.items.map { Entry($0) }
    }

    /// Returns the newest entries of the keys with a prefix, in byte order: all of them, requested page by page during
    /// iteration.
    ///
    /// Keys that are written meanwhile are included if they are ahead of the walk. References are left out.
    ///
    /// - Parameters:
    ///   - prefix: empty for all keys.
    ///   - first: the key after which to begin, in the direction of the walk; empty: at its beginning.
    ///   - end: the key before which to end, in the direction of the walk; nil: at its end.
    ///   - reverse: from the last key to the first.
    ///   - pageSize: how many entries are requested at once, at least 1.
    public func entries(
        withPrefix prefix: [UInt8], after first: [UInt8] = [], before end: [UInt8]? = nil,
        reverse: Bool = false, pageSize: Int = 1_000
    ) -> EntrySequence<any Error> {
        precondition(pageSize > 0, "a page has at least one entry")
        return EntrySequence { last in
            let page = try await self.scan(
                prefix: prefix, after: last?.key ?? first, limit: UInt64(pageSize), reverse: reverse
            )
            // A server that ignores the offset would send the same page endlessly.
            var previous = last?.key ?? (first.isEmpty ? nil : first)
            for entry in page {
                let isBehind = previous.map { previous in
                    reverse
                        ? entry.key.lexicographicallyPrecedes(previous)
                        : previous.lexicographicallyPrecedes(entry.key)
                }
                guard entry.key.starts(with: prefix), isBehind ?? true else {
                    throw ClientError(
                        .incompatible, "the server's scan has keys out of their order or prefix")
                }
                previous = entry.key
            }
            guard let end else { return page }
            return Array(
                page.prefix { entry in
                    reverse
                        ? end.lexicographicallyPrecedes(entry.key)
                        : entry.key.lexicographicallyPrecedes(end)
                })
        }
    }

    /// Returns all entries of exactly this key, newest first, requested page by page; none, and no error, if there is
    /// no such key. References are not followed.
    ///
    /// A server of the original has no pages of a history: it returns those that fit into its largest answer.
    public func versions(of key: [UInt8]) -> EntrySequence<any Error> {
        let oldest = Mutex<EntryIndex?>(nil)
        return EntrySequence { last in
            var metadata = Metadata()
            if let last {
                if oldest.withLock({ $0 == last.index }) { return [] }
                metadata.add(ImmuMetadata.beforeIndex, "\(last.index)")
            }
            let answer: (message: Immudb_Schema_ItemList, trailers: Metadata) =
                try await self.answer(
                    ImmuService.history, Immudb_Schema_Key(key), metadata,
                    about: [GivenName(.existingKey, key)])
            let page = answer.message.items.map { Entry($0) }
            var end = last?.index
            for entry in page {
                guard entry.key == key, end.map({ entry.index < $0 }) ?? true else {
                    throw ClientError(
                        .incompatible,
                        "the server's history has entries out of order, or of another key")
                }
                end = entry.index
            }
            if answer.trailers.first(ImmuMetadata.hasMore) == nil { oldest.withLock { $0 = end } }
            return page
        }
    }

    /// Returns all entries from an index on, in insertion order, as they are stored, requested page by page: up to the
    /// end at the time when the last page is requested.
    ///
    /// - Parameters:
    ///   - first: the index to begin with.
    ///   - end: the index before which to end; nil: at the end.
    ///   - pageSize: how many entries are requested at once, at least 1.
    public func entries(
        from first: EntryIndex = EntryIndex(0), before end: EntryIndex? = nil,
        pageSize: Int = 1_000
    ) -> EntrySequence<any Error> {
        precondition(pageSize > 0, "a page has at least one entry")
        return EntrySequence { last in
            // No tree has an index of 2^63 or more.
            let next = last.map { $0.index.rawValue + 1 } ?? first.rawValue
            guard next < min(end?.rawValue ?? 1 << 63, 1 << 63) else { return [] }
            // Pages begin at multiples of their size. A page that is larger than an answer is requested in parts.
            var size = UInt64(pageSize)
            while true {
                do {
                    let page = try await self.page(next / size + 1, size: size)
                    let entries = page.entries.drop { $0.index.rawValue < next }
                    let isInOrder = entries.enumerated().allSatisfy { number, entry in
                        entry.index.rawValue == next + UInt64(number)
                    }
                    guard isInOrder else {
                        throw ClientError(
                            .incompatible, "the server's page has entries out of order")
                    }
                    guard let end else { return Array(entries) }
                    return Array(entries.prefix { $0.index.rawValue < end.rawValue })
                } catch let error as ClientError where error.code == .notFound {
                    return []
                } catch let error as ClientError
                    where error.status == .resourceExhausted && size > 1
                {
                    size = max(1, size / 8)
                }
            }
        }
    }

    /// Returns the newest entries of a sorted set's members, by score, then by key.
    ///
    /// - Parameters:
    ///   - set: the name of the set.
    ///   - offset: the `setEntryKey` after which to begin, in the direction of the walk.
    ///   - limit: as for `scan`.
    ///   - reverse: from the highest score to the lowest.
    public func zScan(
        _ set: [UInt8], after offset: [UInt8] = [], limit: UInt64? = nil, reverse: Bool = false
    ) async throws(ClientError) -> [Entry] {
        var request = Immudb_Schema_ZScanOptions()
        request.set = Data(set)
        request.offset = Data(offset)
        request.limit = limit ?? 0
        request.reverse = reverse
        if limit == 0 { return [] }
        let response: Immudb_Schema_ItemList = try await call(
            ImmuService.zScan, request, about: [GivenName(.set, set)])
        return response.items.map { Entry($0) }
    }

    /// Returns how many different keys have a prefix, which must not be empty. The server looks at each of them.
    public func count(prefix: [UInt8]) async throws(ClientError) -> UInt64 {
        var request = Immudb_Schema_KeyPrefix()
        request.prefix = Data(prefix)
        let response: Immudb_Schema_ItemsCount = try await call(
            ImmuService.count, request, about: [GivenName(.prefix, prefix)])
        return response.count
    }

    /// Returns a page of all entries in insertion order, as they are stored.
    ///
    /// - Parameters:
    ///   - number: the number of the page, from 1.
    ///   - size: entries in a page, at least 1.
    /// - Returns: the entries, and whether more follow.
    /// - Throws: code `.notFound` for a page beyond the end.
    public func page(
        _ number: UInt64, size: UInt64
    ) async throws(ClientError) -> (entries: [Entry], hasMore: Bool) {
        var request = Immudb_Schema_IScanOptions()
        request.pageNumber = number
        request.pageSize = size
        let response: Immudb_Schema_Page = try await call(ImmuService.iScan, request)
        return (response.items.map { Entry($0) }, response.more)
    }

    /// Returns all entries of the server's newest snapshot, in insertion order, as they arrive.
    ///
    /// - Throws: `ClientError` if the server does not start to answer.
    public func dump() async throws(ClientError) -> DumpSequence {
        DumpSequence(
            messages: try await stream(ImmuService.dump, Google_Protobuf_Empty()),
            server: connection.address)
    }
}
