import ImmudbStore

/// The operations of an administrator. Their caller has checked that it is one.
///
/// The hashing thread runs them one after the other. Each completes when the change and its audit
/// entry are durable. A refused operation has an audit entry, too.
extension Accounts {
    /// The user who makes a change, and the origin of the call.
    public struct Administrator: Sendable {
        let name: UserName
        let origin: Origin
        let mayAct: @Sendable () -> Bool
        let isCancelled: @Sendable () -> Bool

        /// - Parameter mayAct: whether the caller is still an administrator. It is called just
        ///   before the operation runs, since earlier operations may have changed that.
        public init(
            _ caller: Caller, from origin: Origin, mayAct: @escaping @Sendable () -> Bool,
            isCancelled: @escaping @Sendable () -> Bool
        ) {
            name = caller.name
            self.origin = origin
            self.mayAct = mayAct
            self.isCancelled = isCancelled
        }
    }

    /// Creates a user, or restores a deleted one, whose earlier tokens stay refused.
    public func createUser(
        _ user: [UInt8], password: [UInt8], by administrator: Administrator,
        completion: @escaping @Sendable (Result<UserName, AccountError>) -> Void
    ) {
        perform(.createUser, user, administrator, completion) {
            name, account throws(AccountError) in
            guard account?.credentials == nil else { throw .userExists }
            guard PasswordRule.allows(password) else { throw .weakPassword }
            return Credentials(try PasswordHash(of: password, self.options.hashing))
        }
    }

    /// Changes a user's password. The user's tokens are refused from then on.
    public func changePassword(
        of user: [UInt8], from old: [UInt8], to new: [UInt8], by administrator: Administrator,
        completion: @escaping @Sendable (Result<UserName, AccountError>) -> Void
    ) {
        perform(.changePassword, user, administrator, completion) {
            name, account throws(AccountError) in
            guard let account else { throw .noSuchUser }
            guard let current = account.credentials else { throw .wasDeleted }
            guard PasswordRule.allows(old), try current.hash.matches(old) else {
                throw .wrongOldPassword
            }
            guard PasswordRule.allows(new) else { throw .weakPassword }
            return Credentials(try PasswordHash(of: new, self.options.hashing))
        }
    }

    /// Deletes a user, whose tokens are refused from then on. If the administrator is deleted, the
    /// first login creates a new one.
    public func deleteUser(
        _ user: [UInt8], by administrator: Administrator,
        completion: @escaping @Sendable (Result<UserName, AccountError>) -> Void
    ) {
        perform(.deleteUser, user, administrator, completion) {
            name, account throws(AccountError) in
            guard let account else { throw .noSuchUser }
            guard account.credentials != nil else { throw .isDeletedAlready }
            return nil
        }
    }

    /// - Parameter credentials: checks the operation, and returns the user's new credentials.
    private func perform(
        _ action: AuditEntry.Action, _ user: [UInt8], _ administrator: Administrator,
        _ completion: @escaping @Sendable (Result<UserName, AccountError>) -> Void,
        _ credentials: @escaping @Sendable (UserName, Account?) throws(AccountError) -> Credentials?
    ) {
        let by = administrator.name.description
        let from = administrator.origin.address
        onThread(administrator.origin, administrator.isCancelled, completion) {
            () throws(AccountError) in
            var named = ""
            do throws(AccountError) {
                guard administrator.mayAct() else { throw .notAdministrator }
                let name = try UserName(checking: user)
                named = name.description
                try self.change(
                    name, to: try credentials(name, self.registry[name]),
                    AuditEntry(action, by: by, from: from, user: named))
                return name
            } catch {
                // The log reports failures of the database.
                if case .store = error { throw error }
                let entry = AuditEntry(
                    action, by: by, from: from, user: named, outcome: "refused: \(error.words)")
                do throws(StoreError) {
                    try self.database.appendWaiting([entry.newEntry()])
                } catch {
                    self.options.auditFault(error)
                }
                throw error
            }
        }
    }

    /// Runs an operation on the hashing thread, before all logins.
    func onThread<Value: Sendable>(
        _ origin: Origin, _ isCancelled: @escaping @Sendable () -> Bool,
        _ completion: @escaping @Sendable (Result<Value, AccountError>) -> Void,
        _ body: @escaping @Sendable () throws(AccountError) -> Value
    ) {
        thread.put(
            HashingQueue.Job(
                kind: .administration, lane: origin.lane, isCancelled: isCancelled,
                run: {
                    if !isCancelled() { completion(Result(catching: body)) }
                    return false
                },
                refuse: { completion(.failure($0)) }))
    }

    func change(
        _ name: UserName, to credentials: Credentials?, _ audit: AuditEntry
    ) throws(AccountError) {
        do throws(StoreError) {
            try registry.change(name, to: credentials, audit)
        } catch {
            throw .store(error)
        }
    }
}

extension UserName {
    fileprivate init(checking bytes: [UInt8]) throws(AccountError) {
        do throws(Fault) {
            try self.init(bytes)
        } catch {
            throw .invalidName(error)
        }
    }
}
