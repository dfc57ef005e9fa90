import ImmudbStore

/// Operations on the accounts of a folder whose server is stopped.
public enum OfflineAccounts {
    /// Gives the administrator a new, generated password. Creates the administrator if it does not
    /// exist. Earlier tokens are refused.
    ///
    /// - Parameter directory: the data folder.
    /// - Returns: the password, once it is durable.
    /// - Throws: `SystemFolderError` if the folder has no accounts, or a server has them open.
    public static func resetAdministrator(in directory: String) throws(SystemFolderError) -> String
    {
        try reset(in: directory, Accounts.Options())
    }

    /// Records that the data of a new folder was restored from backups. Creates the system's database there.
    ///
    /// - Parameters:
    ///   - directory: the data folder.
    ///   - tree: the restored root.
    /// - Throws: `SystemFolderError`.
    public static func recordRestore(
        of tree: TrustedRoot, in directory: String, options: Accounts.Options = Accounts.Options()
    ) throws(SystemFolderError) {
        let database = try SystemFolder.open(in: directory, options)
        do {
            let entry = AuditEntry(
                .restore, by: "", from: AuditEntry.offline, user: "",
                outcome: "\(AuditEntry.done), root \(tree.text)")
            try database.appendWaiting([entry.newEntry()])
            try database.close()
        } catch {
            try? database.close()
            throw SystemFolderError("the restore was not recorded: \(error)")
        }
    }

    static func reset(
        in directory: String, _ options: Accounts.Options
    ) throws(SystemFolderError) -> String {
        let path = SystemFolder.database(in: directory)
        guard (try? options.fileSystem.names(inDirectory: path)) != nil else {
            throw SystemFolderError(
                "\(directory) is not the data folder of a server with users: \(path) does not exist"
            )
        }
        let database = try SystemFolder.open(in: directory, options)
        do {
            let registry = try UserRegistry(database)
            let password = GeneratedPassword.draw()
            let hash = try PasswordHash(of: Array(password.utf8), options.hashing)
            let name = UserName.administrator
            try registry.change(
                name, to: Credentials(hash),
                AuditEntry(
                    .resetPassword, by: "", from: AuditEntry.offline, user: name.description))
            try database.close()
            return password
        } catch {
            try? database.close()
            throw SystemFolderError("the password was not reset: \(error)")
        }
    }
}
