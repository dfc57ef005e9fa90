// Makes the man pages of a program from its own command line. Programs call this file;
// ManPage.swift makes a page, Roff.swift its markup.

import ArgumentParser
import Foundation

/// The man pages of a program: one for itself and one for each of its commands, except hidden ones.
///
/// Their text comes from the argument library's description of the commands, so it cannot differ
/// from the help.
public enum ManPages {
    /// Examples by the command as it is typed, such as "immuclient set"; those of the program
    /// itself have its name.
    public typealias Examples = [String: [(command: String, what: String)]]

    /// The folder for the pages of a program by default.
    static func defaultFolder(of program: String) -> String { "./cmd/docs/man/" + program }

    /// Writes the pages, and replaces older ones of the same names. Their date is that of
    /// SOURCE_DATE_EPOCH if it is set, so that the same program gives the same pages; else it is
    /// today.
    ///
    /// - Parameters:
    ///   - directory: the folder for the pages. It is created if it is missing, with those above
    ///     it.
    /// - Returns: the paths of the pages, `<program>.1` and `<program>-<command>.1`.
    /// - Throws: `ManPagesError` if a page cannot be written, or the date or an example is wrong.
    static func write(
        of root: any ParsableCommand.Type, examples: Examples, to directory: String
    ) throws(ManPagesError) -> [String] {
        guard !directory.isEmpty else {
            throw ManPagesError("the folder for the man pages has no name: give its path")
        }
        let date = try PageDate(environment: ProcessInfo.processInfo.environment)
        let pages = try pages(of: root, examples: examples, date: date)
        var paths: [String] = []
        for page in pages {
            let path = directory + (directory.hasSuffix("/") ? "" : "/") + page.fileName
            do {
                try PageFile.makeFolders(above: path)
                try PageFile.write(Array(page.text.utf8), to: path)
            } catch {
                throw ManPagesError("cannot write the man page \(path): \(error)")
            }
            paths.append(path)
        }
        return paths
    }

    static func pages(
        of root: any ParsableCommand.Type, examples: Examples, date: PageDate
    ) throws(ManPagesError) -> [ManPage] {
        let dump = try CommandDump(of: root)
        let pages = ManPage.pages(of: dump, under: nil, examples: examples, date: date)
        let names = Set(pages.map(\.invocation))
        if let unknown = examples.keys.sorted().first(where: { !names.contains($0) }) {
            throw ManPagesError("there is an example of \"\(unknown)\", which has no man page")
        }
        return pages
    }
}

/// The reason why man pages could not be written: a message for the user.
public struct ManPagesError: Error, Hashable, CustomStringConvertible {
    public let message: String

    init(_ message: String) {
        self.message = message
    }

    public var description: String { message }
}
