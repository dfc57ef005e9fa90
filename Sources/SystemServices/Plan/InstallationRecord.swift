import Foundation

/// The record of installed files: `/etc/immudb/installed.json`. It is written before the files themselves, so that an
/// interrupted installation can be continued or removed. Only recorded files are ever removed.
struct InstallationRecord: Hashable, Codable, Sendable {
    struct Item: Hashable, Codable, Sendable {
        enum Kind: String, Codable, Sendable {
            case folder
            /// Replaced by a newer file, and removed, unless it was changed.
            case program
            /// The same, but a changed file stays and is not an obstacle.
            case setting
            /// Stays when the service is removed, unless the user asks for its removal.
            case configuration
        }

        let path: String
        let kind: Kind
        /// The digests that the file may have: that of the content being written, and the earlier ones until it is
        /// written.
        var digests: [Digest]
        /// The services that need it.
        var services: [String]
    }

    var items: [Item] = []
    /// Services whose installation is complete.
    var complete: [String] = []

    subscript(path: String) -> Item? { items.first { $0.path == path } }

    /// Returns the items that a service needs.
    func items(of service: String) -> [Item] { items.filter { $0.services.contains(service) } }

    /// Adds an item that is about to be created for a service; an existing item then belongs to this service, too.
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

    /// Returns the record after the installation of a service is complete: files have their newest
    /// content.
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

    /// - Throws: `ServiceError` if the text is not a record.
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
