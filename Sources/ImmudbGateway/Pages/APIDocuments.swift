/// The descriptions of the REST interface, for tools and for `/docs`.
///
/// All three are made of ``Routes/all``: nothing in them can differ from what is served, but their words.
enum APIDocuments {
    /// As JSON, by path.
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
