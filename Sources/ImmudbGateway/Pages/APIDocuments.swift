/// The descriptions of the REST interface, by path.
enum APIDocuments {
    static let all: [String: String] = [:]
}
