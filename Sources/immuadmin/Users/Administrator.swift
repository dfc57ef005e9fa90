import ClientKit
import Foundation
import ImmudbAccounts
import POSIX

/// The one user who administers a server.
enum Administrator {
    static let name = "immu"

    /// Gives the administrator of a stopped server a new password.
    ///
    /// - Parameter user: what was asked for; any other than the administrator is refused.
    /// - Returns: the password, once it is durable.
    static func resetPassword(of user: String, in folder: String) throws -> String {
        guard user == name else {
            throw ToolError(
                "only the password of \(name) is reset in the folder: log in as \(name), delete \(user), "
                    + "and create \(user) again with a new one")
        }
        try requireOwner(of: folder)
        return try OfflineAccounts.resetAdministrator(in: folder)
    }

    /// Files that somebody else makes in the folder, its server could not write.
    private static func requireOwner(of folder: String) throws {
        let owner: UInt32
        do {
            owner = try POSIX.owner(of: folder)
        } catch {
            throw ToolError("cannot open the folder \(folder): \(error)")
        }
        guard owner != geteuid() else { return }
        let name = getpwuid(owner).map { String(cString: $0.pointee.pw_name) }
        throw ToolError(
            "the folder \(folder) is of user \(name ?? "\(owner)"): run this as that user, whose server "
                + "could not write files of yours",
            code: "NotTheOwner")
    }
}
