import ImmudbStore

/// A request to log in.
public struct LoginRequest: Sendable {
    public var user: [UInt8]
    public var password: [UInt8]
    /// Whether the administration tool made the request. Only administrators may log in with it.
    public var isForAdministration: Bool

    public init(user: [UInt8], password: [UInt8], isForAdministration: Bool) {
        self.user = user
        self.password = password
        self.isForAdministration = isForAdministration
    }
}

/// The result of a successful login.
public enum LoginAnswer: Hashable, Sendable {
    case token(String)
    /// The administrator has just been created. The answer shows the password once; the caller is
    /// not logged in.
    case firstAdministrator(password: String)
}

extension Accounts {
    /// Logs a user in.
    ///
    /// A user who has logged in with this password before is admitted at once. A password that was
    /// wrong before, or that the rule does not allow, is refused at once. All other logins wait for
    /// the thread that hashes passwords; see ``HashingQueue``.
    ///
    /// If the administrator does not exist, a login as the administrator with an empty password, by
    /// the administration tool on this machine, creates it.
    ///
    /// - Parameter completion: called once, on this thread or another one; must not block.
    public func login(
        _ request: LoginRequest, from origin: Origin,
        isCancelled: @escaping @Sendable () -> Bool,
        completion: @escaping @Sendable (Result<LoginAnswer, AccountError>) -> Void
    ) {
        guard let name = try? UserName(request.user) else {
            return completion(.failure(.wrongUserOrPassword))
        }
        if request.isForAdministration, name != .administrator {
            return completion(.failure(.notAdministrator))
        }
        if request.password.isEmpty, request.isForAdministration, origin.isLocal {
            return makeAdministrator(origin, isCancelled, completion)
        }
        let attempt = Attempt(
            name: name, password: request.password, origin: origin, completion: completion)
        // No user has a password that breaks the rule.
        guard PasswordRule.allows(request.password) else { return refuse(attempt) }
        let account = registry[name]
        let credentials = account?.credentials
        let proof = memory.proof(of: request.password, name, credentials?.number ?? 0)
        if let account, let credentials, account.remembers(proof) {
            return admit(attempt, account, credentials)
        }
        if memory.isWrong(proof) { return refuse(attempt) }
        thread.put(
            HashingQueue.Job(
                kind: .login(name: name.bytes, host: Array(origin.host.utf8)), lane: origin.lane,
                isCancelled: isCancelled, run: { self.run(attempt) },
                refuse: { completion(.failure($0)) }))
    }

    private struct Attempt: Sendable {
        let name: UserName
        let password: [UInt8]
        let origin: Origin
        let completion: @Sendable (Result<LoginAnswer, AccountError>) -> Void
    }

    /// Checks a password, on the hashing thread. Takes the same time whether the user exists or
    /// not.
    ///
    /// - Returns: whether the attempt failed.
    private func run(_ attempt: Attempt) -> Bool {
        let account = registry[attempt.name]
        let credentials = account?.credentials
        let isRight: Bool
        do throws(AccountError) {
            if let credentials {
                isRight = try credentials.hash.matches(attempt.password)
            } else {
                try PasswordHash.imitate(attempt.password, options.hashing)
                isRight = false
            }
        } catch {
            attempt.completion(.failure(error))
            return false
        }
        let proof = memory.proof(of: attempt.password, attempt.name, credentials?.number ?? 0)
        guard isRight, let account, let credentials else {
            memory.noteWrong(proof)
            refuse(attempt)
            return true
        }
        account.remember(proof, of: credentials.number)
        admit(attempt, account, credentials)
        return false
    }

    private func refuse(_ attempt: Attempt) {
        // immuadmin sends an empty password at each login, to find out whether the administrator
        // exists: that is not an attempt to get in.
        if attempt.name == .administrator, !attempt.password.isEmpty {
            refusals.note(
                .login, from: attempt.origin.address, user: attempt.name.description,
                outcome: AccountError.wrongUserOrPassword.words)
        }
        attempt.completion(.failure(.wrongUserOrPassword))
    }

    /// Answers with a token. An administrator gets it once the audit entry is durable, or has
    /// failed: a full disk must not lock out the person who can free space.
    private func admit(_ attempt: Attempt, _ account: Account, _ credentials: Credentials) {
        let token: String
        do {
            token = try self.token(for: account, credentials.number)
        } catch {
            return attempt.completion(.failure(.noMemory))
        }
        guard account.isAdministrator else { return attempt.completion(.success(.token(token))) }
        let name = account.name.description
        let entry = AuditEntry(.login, by: name, from: attempt.origin.address, user: name)
        database.append([entry.newEntry()], source: attempt.origin.lane) { [options] result in
            if case .failure(let error) = result { options.auditFault(error) }
            attempt.completion(.success(.token(token)))
        }
    }

    private func makeAdministrator(
        _ origin: Origin, _ isCancelled: @escaping @Sendable () -> Bool,
        _ completion: @escaping @Sendable (Result<LoginAnswer, AccountError>) -> Void
    ) {
        let name = UserName.administrator
        let attempt = Attempt(name: name, password: [], origin: origin, completion: completion)
        // Checks again on the thread: another first login may have come before.
        if registry[name]?.credentials != nil { return refuse(attempt) }
        onThread(origin, isCancelled, completion) { () throws(AccountError) in
            guard self.registry[name]?.credentials == nil else { throw .wrongUserOrPassword }
            let password = GeneratedPassword.draw()
            let hash = try PasswordHash(of: Array(password.utf8), self.options.hashing)
            try self.change(
                name, to: Credentials(hash),
                AuditEntry(.firstLogin, by: "", from: origin.address, user: name.description))
            return .firstAdministrator(password: password)
        }
    }
}
