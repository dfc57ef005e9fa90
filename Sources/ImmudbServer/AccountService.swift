import ImmudbAccounts
import ImmudbProtocol
import ImmudbStore
import Logging
import RPCTransport
import SwiftProtobuf

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The remote procedures about users: Login, CreateUser, ChangePassword and DeleteUser of
/// `ImmuService`, and AuditLog of `AdminService`.
///
/// A handler passes the request to `Accounts`, which answers later, mostly on the thread that
/// hashes passwords. `Gate` has checked the caller's permission by then.
struct AccountService: Sendable {
    let accounts: Accounts
    let gate: Gate
    let log: Logger
    let faults: FaultLog

    init(_ accounts: Accounts, isAuthenticating: Bool, log: Logger, faults: FaultLog) {
        let log = log.of(.users)
        self.accounts = accounts
        self.log = log
        self.faults = faults
        gate = Gate(accounts: accounts, isAuthenticating: isAuthenticating, log: log)
    }

    var methods: [RPCMethod] {
        [
            .measured(ImmuService.login, login),
            .measured(ImmuService.createUser, createUser),
            .measured(ImmuService.changePassword, changePassword),
            .measured(ImmuService.deleteUser, deleteUser),
            .measuredStreaming(AdminService.auditLog, auditLog),
        ]
    }

    private func login(_ request: Immudb_Schema_LoginRequest, _ call: ServerCall) {
        let user = printable(request.user)
        let login = LoginRequest(
            user: Array(request.user), password: Array(request.password),
            isForAdministration: call.metadata.marksAdministration)
        accounts.login(login, from: Origin(call), isCancelled: { call.isCancelled }) { result in
            switch result {
            case .success(.token(let token)):
                log.debug("login \(user)", of: call)
                call.reply(Immudb_Schema_LoginResponse.with { $0.token = Data(token.utf8) })
            case .success(.firstAdministrator(let password)):
                log.info("the administrator \(user) was made, at \(call.peerAddress)", of: call)
                call.fail(.unknown, Self.firstLoginText(password))
            case .failure(let error):
                refuse(call, Refusal(error), "login \(user)")
            }
        }
    }

    /// The text in which clients of 0.6 look for the password.
    private static func firstLoginText(_ password: String) -> String {
        "\(ErrorText.firstAdminLogin)\n---\nusername: \(UserName.administrator)\n"
            + "password: \(password)\n---\n"
    }

    private func createUser(_ request: Immudb_Schema_CreateUserRequest, _ call: ServerCall) {
        perform(call, "create user", request.user) { administrator, completion in
            accounts.createUser(
                Array(request.user), password: Array(request.password), by: administrator,
                completion: completion)
        } answer: { name in
            Immudb_Schema_CreateUserResponse.with { $0.user = Data(name.bytes) }
        }
    }

    private func changePassword(
        _ request: Immudb_Schema_ChangePasswordRequest, _ call: ServerCall
    ) {
        perform(call, "change password of", request.user) { administrator, completion in
            accounts.changePassword(
                of: Array(request.user), from: Array(request.oldPassword),
                to: Array(request.newPassword), by: administrator, completion: completion)
        } answer: { _ in
            Google_Protobuf_Empty()
        }
    }

    private func deleteUser(_ request: Immudb_Schema_DeleteUserRequest, _ call: ServerCall) {
        perform(call, "delete user", request.user) { administrator, completion in
            accounts.deleteUser(
                Array(request.user), by: administrator, completion: completion)
        } answer: { _ in
            Google_Protobuf_Empty()
        }
    }

    /// Runs an action of the calling administrator, and answers with its result.
    private func perform(
        _ call: ServerCall, _ what: StaticString, _ user: Data,
        _ act: (
            Accounts.Administrator, @escaping @Sendable (Result<UserName, AccountError>) -> Void
        ) -> Void,
        answer: @escaping @Sendable (UserName) -> some Message
    ) {
        let name = printable(user)
        let caller: Caller
        do {
            // The gate checked this before, but the user may have been deleted since.
            caller = try gate.caller(call.metadata)
        } catch {
            return refuse(call, error, "\(what) \(name)")
        }
        let administrator = Accounts.Administrator(
            caller, from: Origin(call),
            mayAct: { (try? gate.caller(call.metadata))?.isAdministrator == true },
            isCancelled: { call.isCancelled })
        act(administrator) { result in
            switch result {
            case .success(let user):
                log.info(
                    "\(what) \(name): done by \(caller.name) at \(call.peerAddress)",
                    metadata: Logger.Metadata(call).merging(
                        ["user": "\(name)", "by": "\(caller.name)"]) { $1 })
                call.noteEffect()
                call.reply(answer(user))
            case .failure(let error):
                var refusal = Refusal(error)
                if case .invalidName(.invalidKey) = error, call.method == ImmuService.createUser {
                    refusal = .internalError
                }
                refuse(call, refusal, "\(what) \(name)")
            }
        }
    }

    private func refuse(
        _ call: ServerCall, _ refusal: Refusal, _ what: @autoclosure () -> String
    ) {
        log.debug("\(what()): \(refusal.message)", of: call)
        faults.report(refusal, of: call)
        call.fail(refusal.code, refusal.message)
    }
}

extension Refusal {
    /// Maps each error of accounts to a status of the wire. This is the only such table.
    init(_ error: AccountError) {
        switch error {
        case .wrongUserOrPassword:
            self.init(.permissionDenied, "invalid user or password")
        case .notAdministrator:
            self.init(.permissionDenied, "permission denied")
        case .invalidName(.invalidKey):
            self = .invalidKey
        case .invalidName(.tooLong(let byteCount)):
            self.init(
                .invalidArgument,
                "user name of \(byteCount) bytes exceeds the limit of \(UserName.byteLimit)")
        case .invalidName(.notText):
            self.init(.invalidArgument, "user name is not UTF-8")
        case .weakPassword:
            self.init(.invalidArgument, PasswordRule.text)
        case .userExists:
            self.init(.alreadyExists, "username already exists")
        case .noSuchUser:
            self = .keyNotFound
        case .wasDeleted:
            self.init(.notFound, "error changing password: user was already deleted")
        case .isDeletedAlready:
            self.init(.notFound, "user not found")
        case .wrongOldPassword:
            self.init(.permissionDenied, "old password is incorrect")
        case .tooManyLogins:
            self.init(
                .resourceExhausted,
                "too many logins and changes of users are waiting: try again in a moment")
        case .noMemory:
            self.init(.resourceExhausted, "the server has no memory to check a password")
        case .stopping:
            self.init(.unavailable, "the server is stopping")
        case .store(let error):
            self.init(ofWrite: error)
        }
    }

    /// The answer of CreateUser to a name that cannot be a key, as in 0.6.
    static let internalError = Refusal(.internalError, "internal error")
}
