// The users of a server: their identities, how they authenticate, and the acts of administrators.
//
// Read `Accounts.swift` first: it has the operations. `Users/` has the registry on the system's
// database, `Passwords/` the rule, the hash and the thread that hashes, `Tokens/` the tokens that a
// login returns and every call presents, `Audit/` the entries about acts of administration. This
// module does not know the wire.

@_exported public import ImmudbModel
@_exported public import ImmudbStore
