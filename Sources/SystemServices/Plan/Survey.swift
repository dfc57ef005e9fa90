/// The existing files of a machine at a service's paths: the input of a plan.
struct Survey: Hashable, Sendable {
    enum Place: Hashable, Sendable {
        case missing
        case file(Digest, owner: UInt32)
        /// A folder; `isEmpty` is also false if it cannot be read.
        case folder(owner: UInt32, isEmpty: Bool)
        /// Another kind of file, by name: a link, a device.
        case other(String)
    }

    /// The surveyed places; others count as missing.
    var places: [String: Place] = [:]
    var record = InstallationRecord()
    /// The id of the services' user; nil if there is no such user.
    var user: UInt32?
    /// The owners whose files are trusted: root and, in a folder that stands in for a machine, its owner.
    var trustedOwners: Set<UInt32> = [0]
    /// Whether a folder stands in for the machine, which then has no users.
    var isStandIn = false

    subscript(path: String) -> Place { places[path] ?? .missing }
}

/// The program to install.
struct ExecutableSource: Hashable, Sendable {
    let path: String
    let digest: Digest
    /// Its man page.
    var manPage: ManPage = .notMade

    enum ManPage: Hashable, Sendable {
        /// The program was not asked for it yet.
        case notMade
        case text(String)
        /// The program has no page, or cannot be run here.
        case none
    }
}
