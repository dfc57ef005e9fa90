import Foundation

/// What installations have made: `/etc/immudb/installed.json`. It is written before the things themselves, so that
/// an installation that was interrupted can be continued or removed, and nothing else is ever removed.
struct InstallationRecord: Hashable, Codable, Sendable {
    struct Item: Hashable, Codable, Sendable {
        enum Kind: String, Codable, Sendable {
            case folder
            /// Replaced by a newer one, and removed, while it is as it was made.
            case program
            /// The same, but a changed one stays and is no obstacle.
            case setting
            /// Stays when the service goes, unless its removal is asked for.
            case configuration
        }

        let path: String
        let kind: Kind
        /// What the file may hold: the content that is being written, and those from before, until that is done.
        var digests: [Digest]
        /// Which services need it.
        var services: [String]
    }

    var items: [Item] = []
    /// Services whose installation has come to its end.
    var complete: [String] = []

    subscript(path: String) -> Item? { items.first { $0.path == path } }

    /// What a service needs.
    func items(of service: String) -> [Item] { items.filter { $0.services.contains(service) } }

    /// Adds what is about to be made for a service; an item that is there becomes the service's as well.
    mutating func note(
        _ path: String, _ kind: Item.Kind, digest: Digest? = nil, for service: String
    ) {
        let new = digest.map { [$0] } ?? []
        guard let position = items.firstIndex(where: { $0.path == path }) else {
            items.append(Item(path: path, kind: kind, digests: new, services: [service]))
            return
        }
        if !items[position].services.contains(service) { items[position].services.append(service) }
        let old = items[position].digests.filter { !new.contains($0) }
        items[position].digests = new + old
    }

    /// The record once the installation of a service is done: files hold their newest content.
    func completed(_ service: String) -> Self {
        var record = self
        for position in record.items.indices where record.items[position].services.contains(service)
        {
            record.items[position].digests = Array(record.items[position].digests.prefix(1))
        }
        if !record.complete.contains(service) { record.complete.append(service) }
        return record
    }

    // MARK: its file

    /// - Throws: `ServiceError` if the text is not that of a record.
    init(text: String) throws(ServiceError) {
        do {
            self = try JSONDecoder().decode(Self.self, from: Data(text.utf8))
        } catch {
            throw ServiceError(
                "\(ServiceDefinition.recordFile) is not what this command has written: nothing is touched. Restore it, or "
                    + "move it away and remove the service's files by hand")
        }
    }

    init(items: [Item] = []) { self.items = items }

    var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else {
            preconditionFailure("a record of texts cannot be encoded")
        }
        return String(decoding: data, as: UTF8.self) + "\n"
    }
}
