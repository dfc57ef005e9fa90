/// The descriptions of the REST interface, for tools and for `/docs`.
///
/// All three are generated from ``Routes/all``, so they match the served interface.
enum APIDocuments {
    /// The documents as JSON, by path.
    static let all: [String: String] = {
        let gateway = SwaggerDocument.make(.gateway).text
        return [
            "/openapi.json": OpenAPIDocument.make().text,
            "/swagger.json": gateway,
            "/gw.schema.swagger.json": gateway,
            "/schema.swagger.json": SwaggerDocument.make(.immudb).text,
        ]
    }()
}
