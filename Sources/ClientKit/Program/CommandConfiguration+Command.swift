package import ArgumentParser

extension CommandConfiguration {
    /// The configuration of a command with at most one alias, as those of the original have it.
    package static func command(
        _ name: String, alias: String? = nil, abstract: String, discussion: String = ""
    ) -> CommandConfiguration {
        CommandConfiguration(
            commandName: name, abstract: abstract, discussion: discussion,
            aliases: alias.map { [$0] } ?? [])
    }
}
