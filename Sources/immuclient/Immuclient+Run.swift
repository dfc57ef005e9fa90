import ArgumentParser
import ClientKit
import ProgramKit

// The process: runs the requested command.

@MainActor
extension Immuclient {
    nonisolated static func settings(
        _ sources: SettingsSources
    ) throws(SettingsError) -> ClientSettings {
        try sources.settings()
    }

    nonisolated static func idleFlags(
        _ settings: ClientSettings, among flags: [String: String], of command: any ParsableCommand
    ) -> [String] {
        settings.idleFlags(among: flags, of: type(of: known(command)))
    }

    static func run(
        _ command: any ParsableCommand, _ sources: SettingsSources, _ settings: ClientSettings
    ) async throws {
        let session = Session()
        do {
            try await CommandRun(
                known(command), flags: sources.flags, sources: sources, settings: settings,
                session: session
            ).run(input: .value)
        } catch {
            await session.close()
            throw error
        }
        await session.close()
    }

    private nonisolated static func known(_ command: any ParsableCommand) -> any ImmuclientCommand {
        guard let command = command as? any ImmuclientCommand else {
            preconditionFailure("\(command) is not a command of immuclient")
        }
        return command
    }
}
