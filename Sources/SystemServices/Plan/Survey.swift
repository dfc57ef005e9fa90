/// What a machine has where a service's files are: all that a plan is made of.
struct Survey: Hashable, Sendable {
    enum Place: Hashable, Sendable {
        case missing
        case file(Digest, owner: UInt32)
        /// `isEmpty` is false, too, if it cannot be read.
        case folder(owner: UInt32, isEmpty: Bool)
        /// Named by what it is: a link, a device.
        case other(String)
    }

    /// Of the places that were looked at; others count as missing.
    var places: [String: Place] = [:]
    var record = InstallationRecord()
    /// Number of the services' user; nil if there is no such user.
    var user: UInt32?
    /// Whose files may be trusted: root's and, in a folder that stands in for a machine, those of its owner.
    var trustedOwners: Set<UInt32> = [0]
    /// Whether a folder stands in for the machine: it has no users.
    var isStandIn = false

    subscript(path: String) -> Place { places[path] ?? .missing }
}

/// The program that is installed.
struct ExecutableSource: Hashable, Sendable {
    let path: String
    let digest: Digest
    /// Its man page; nil if it was not asked.
    var manPage: ManPage = .notMade

    enum ManPage: Hashable, Sendable {
        /// Nobody has asked the program for it yet.
        case notMade
        case text(String)
        /// The program cannot be run here.
        case none
    }
}
