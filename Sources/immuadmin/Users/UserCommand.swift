import ArgumentParser
import ClientKit
import Foundation
import ImmudbClient
import ProgramKit
import Terminal

struct UserCommand: AdminCommand, FlaggedCommand {
    static let configuration = CommandConfiguration.command(
        "user", alias: "u", abstract: "Make and delete users, and change their passwords.",
        discussion: """
            create, change-password and delete ask the server, as the administrator. Passwords are asked for, or \
            read as lines of stdin if that is no terminal, in the order of the questions.

            'reset-password immu' gives the administrator a new password when the old one is lost, and shows it \
            once. It works on the folder of --dir, whose server is stopped, as the folder's owner.
            """)

    enum Action: String, CaseIterable, ExpressibleByArgument {
        case create
        case changePassword = "change-password"
        case delete
        case resetPassword = "reset-password"
    }

    @Argument(
        help: ArgumentHelp(
            "create, change-password, delete or reset-password.", valueName: "action"),
        completion: .list(Action.allCases.map(\.rawValue)))
    var actionName: String

    @Argument(help: ArgumentHelp("Name of the user.", valueName: "username"))
    var user: String

    @Option(
        help: ArgumentHelp(
            "For reset-password: the data folder of the stopped server.", valueName: "folder"),
        completion: .directory)
    var dir: String?

    private var action: Action? { Action(rawValue: actionName) }

    func validate() throws {
        guard let action else {
            throw ValidationError(
                "Please specify one of the following actions: create, change-password or delete")
        }
        guard action == .resetPassword || dir == nil else {
            throw ValidationError("flag --dir: only reset-password works on a folder")
        }
        guard action != .resetPassword || dir != nil else {
            throw ValidationError(
                "reset-password needs --dir, the data folder of the stopped server")
        }
    }

    func run(in context: AdminContext) async throws {
        switch action {
        case .create: try await create(context)
        case .changePassword: try await changePassword(context)
        case .delete: try await delete(context)
        case .resetPassword, nil: try resetPassword(context)
        }
    }

    private func create(_ context: AdminContext) async throws {
        try await context.withAdministrator { client in
            try context.tell("NOTE: \(NewPassword.rule).")
            let password = try NewPassword.ask(
                "Choose a password for \(user):", confirmation: "Confirm password:",
                orElse: "Password does not meet the requirements")
            try await changing(user) { try await client.createUser(user, password: password) }
        }
        try context.output.write(
            LineReport(
                "User \(user) created", json: ["user": .text(user), "created": .truth(true)]))
    }

    private func changePassword(_ context: AdminContext) async throws {
        try await context.withAdministrator { client in
            try context.tell("NOTE: \(NewPassword.rule).")
            let old = try Prompt.password("Old password:")
            try await requireRight(old, context)
            let new = try NewPassword.ask(
                "New password:", confirmation: "Confirm new password:", orElse: NewPassword.rule)
            guard new != old else {
                throw ToolError("New password is identical to the old one", code: "Usage")
            }
            try await changing(user) {
                try await client.changePassword(of: user, from: old, to: new)
            }
        }
        try context.output.write(
            LineReport(
                "Password changed for user \(user)",
                json: ["user": .text(user), "passwordChanged": .truth(true)]))
        if user == Administrator.name {
            StandardError.write(
                warning: "your token ended with the old password: log in again",
                context.output.format)
        }
    }

    /// Asks the server before the user thinks of a new password.
    private func requireRight(_ password: String, _ context: AdminContext) async throws {
        do {
            _ = try await context.withServer(marked: user == Administrator.name) { client in
                try await client.login(user: user, password: password)
            }
        } catch let error as ClientError where error.saysThatLoginIsOff {
            // A server without users takes logins of the administrator only; the change itself is checked anyway.
        }
    }

    private func delete(_ context: AdminContext) async throws {
        try await context.withAdministrator { client in
            guard try Prompt.confirm("Are you sure you want to delete user \(user)? [y/N]: ") else {
                throw ToolError("Canceled", code: "Canceled")
            }
            try await changing(user) { try await client.deleteUser(user) }
        }
        try context.output.write(
            LineReport(
                "User \(user) has been deleted",
                json: ["user": .text(user), "deleted": .truth(true)]))
    }

    private func resetPassword(_ context: AdminContext) throws {
        guard let dir else { preconditionFailure("the command line was not validated") }
        let password = try Administrator.resetPassword(of: user, in: dir)
        let credentials = LineReport(
            """
            The password of \(user) was reset. It is shown only now:
            ---
            username: \(user)
            password: \(password)
            ---
            """,
            json: ["username": .text(user), "password": .text(password)])
        do {
            try context.output.write(credentials)
        } catch {
            // Nobody would know it.
            StandardError.write(credentials, context.output.format)
            throw error
        }
    }
}

/// Runs a change of a user. If it is not known whether it was made, says where to look.
private func changing(_ user: String, _ change: () async throws -> Void) async throws {
    do {
        try await change()
    } catch let error as ClientError where error.code == .outcomeUnknown {
        throw DoubtfulChange(cause: error)
    } catch let error as ClientError where error.code == .notFound {
        throw UnknownUser(cause: error, user: user)
    }
}

/// There is no such user, which the server calls a key.
private struct UnknownUser: ExplainableError {
    let cause: ClientError
    let user: String

    var failure: Failure {
        let hint = "there is no user '\(user)'"
        return Failure(
            code: "NotFound", message: cause.message, text: "\(Failure(cause).text)\n\(hint)",
            hint: Failure.Hint(hint), exitCode: .notFound)
    }
}

/// A change of users that may or may not have been made.
private struct DoubtfulChange: ExplainableError {
    let cause: ClientError

    var failure: Failure {
        let text =
            "the outcome is unknown: the change may have been made. 'immuadmin audit-log' tells"
        let reason = Failure(cause)
        return Failure(
            code: reason.code, message: "\(text). \(cause.message)",
            text: "\(text)\n\(cause.message)", exitCode: .outcomeUnknown)
    }
}
