public import ImmudbStore

/// The reason why an operation on users failed.
public enum AccountError: Error, Sendable {
    /// The password is wrong, or the user does not exist. Both are one error, so that it does not
    /// tell which users exist.
    case wrongUserOrPassword
    /// The call is for administrators, and its caller is not, or no longer, an administrator.
    case notAdministrator
    case invalidName(UserName.Fault)
    /// The password breaks the rule.
    case weakPassword
    case userExists
    /// No user ever had that name.
    case noSuchUser
    /// The user whose password should change was deleted.
    case wasDeleted
    /// The user to be deleted was deleted.
    case isDeletedAlready
    case wrongOldPassword
    /// The queue of logins is full.
    case tooManyLogins
    /// The system has no memory to hash a password.
    case noMemory
    /// The server is stopping.
    case stopping
    /// The system's database failed.
    case store(StoreError)
}

extension AccountError {
    /// The reason in words, for the audit log.
    var words: String {
        switch self {
        case .wrongUserOrPassword: "wrong user or password"
        case .notAdministrator: "permission denied"
        case .invalidName(.invalidKey): "the name is empty or begins with a zero byte"
        case .invalidName(.tooLong(let byteCount)):
            "the name has \(byteCount) bytes, more than \(UserName.byteLimit)"
        case .invalidName(.notText): "the name is not UTF-8"
        case .weakPassword: "weak password"
        case .userExists: "the user exists"
        case .noSuchUser: "no such user"
        case .wasDeleted, .isDeletedAlready: "the user was deleted"
        case .wrongOldPassword: "wrong old password"
        case .tooManyLogins: "too many logins"
        case .noMemory: "no memory"
        case .stopping: "the server was stopping"
        case .store(let error): "the database failed: \(error.code.rawValue)"
        }
    }
}
